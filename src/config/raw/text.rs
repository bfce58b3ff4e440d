//! Texts of a certain form. They stay text here, so that all that are wrong can be told at once later; the schema
//! tells their form to editors.

use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! text_of_a_form {
    ($(#[$meta:meta])* $name:ident) => {
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        $(#[$meta])*
        #[serde(transparent)]
        pub(in crate::config) struct $name(pub(in crate::config) String);
    };
}

text_of_a_form! {
    /// A length of time: whole numbers with the units `d`, `h`, `m` and `s`, the largest first, at most 365 days.
    #[schemars(
        rename = "Duration",
        extend("pattern" = "^([0-9]+[dhms])+$", "examples" = ["24h", "1h30m", "5s"])
    )]
    DurationText
}

text_of_a_form! {
    /// A time of day, `HH:MM`, from `00:00` to `24:00`.
    #[schemars(
        rename = "TimeOfDay",
        extend("pattern" = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "examples" = ["09:00"])
    )]
    TimeOfDayText
}

text_of_a_form! {
    /// A date and a time of day in the configured `timezone`, without an offset.
    #[schemars(extend(
        "pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
        "examples" = ["2026-12-18T00:00"]
    ))]
    LocalDateTime
}

text_of_a_form! {
    /// The absolute path of a file.
    #[schemars(extend("pattern" = "^/", "examples" = ["/etc/tidegate/file"]))]
    FilePath
}
