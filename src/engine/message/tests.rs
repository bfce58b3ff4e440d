//! Messages as they are written, and as they are read back.

use super::*;
use crate::config::{BodyForm, SubjectForm};
use crate::model::{EnvironmentName, ServiceName, Tag};
use std::time::Duration;

fn plainly(promotions: &[PromotionText<'_>], untold_count: usize) -> String {
    let subject = SubjectForm::default();
    render(Wording { subject: &subject, body: None, branch: None }, promotions, untold_count)
}

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Words {
    service: ServiceName,
    prod: EnvironmentName,
    non_prod: EnvironmentName,
    from: Tag,
    to: Tag,
}

fn words() -> Words {
    Words {
        service: "common/graphql-server".parse().unwrap(),
        prod: "prod".parse().unwrap(),
        non_prod: "non-prod".parse().unwrap(),
        from: "v1.0.176".parse().unwrap(),
        to: "v1.0.180".parse().unwrap(),
    }
}

fn text_of(words: &Words) -> PromotionText<'_> {
    PromotionText {
        id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
        service: &words.service,
        environment: &words.prod,
        image: format!("ghcr.io/vtr/graphql-server:v1.0.180@{SHA}").parse().unwrap(),
        from: &words.from,
        to: &words.to,
        releases: 3,
        soaked: Some((Duration::from_mins(26 * 60 + 12), &words.non_prod)),
        requested_by: "schedule",
        group: None,
        back: None,
        failed: None,
        notes: String::new(),
        overrides: Vec::new(),
    }
}

#[test]
fn a_promotion_message_has_subject_notes_and_trailers() {
    let words = words();
    let expected = format!(
        "chore(graphql-server): update to v1.0.180\n\n\
         prod: v1.0.176 -> v1.0.180 (3 releases), soaked 26h12m in non-prod\n\n\
         Tidegate-Promotion: 0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11\n\
         Tidegate-Service: common/graphql-server\n\
         Tidegate-Environment: prod\n\
         Tidegate-Image: ghcr.io/vtr/graphql-server:v1.0.180@{SHA}\n\
         Tidegate-From: v1.0.176\n\
         Tidegate-Requested-By: schedule\n"
    );
    assert_eq!(plainly(&[text_of(&words)], 0), expected);
}

#[test]
fn notes_stand_between_evidence_and_trailers() {
    let words = words();
    let notes = "Features\n- cache queries (vtr/app#412)\n\nhttps://github.com/vtr/app/compare/a...b";
    let with_notes = PromotionText { notes: notes.to_owned(), ..text_of(&words) };
    let message = plainly(&[with_notes], 0);
    let expected = "soaked 26h12m in non-prod\n\nFeatures\n- cache queries (vtr/app#412)\n\n\
                    https://github.com/vtr/app/compare/a...b\n\nTidegate-Promotion: ";
    assert!(message.contains(expected), "{message}");
    assert_eq!(read_trailers(&message).len(), 1);
    let several = [PromotionText { notes: notes.to_owned(), ..text_of(&words) }, text_of(&words)];
    let message = plainly(&several, 0);
    assert!(message.contains("\n\ncommon/graphql-server v1.0.180\n\nFeatures\n"), "{message}");
    assert_eq!(read_trailers(&message).len(), 2);
    let other: ServiceName = "common/admin".parse().unwrap();
    let alike = [several[0].clone(), PromotionText { service: &other, ..several[0].clone() }];
    let message = plainly(&alike, 7);
    assert_eq!(message.matches("Features\n").count(), 1, "{message}");
    assert!(message.contains("\n\ncommon/admin, common/graphql-server v1.0.180\n\nFeatures\n"), "{message}");
    assert!(message.contains("\n\nRelease notes of 7 more: `tidegate changelog`.\n\nTidegate-Promotion: "));
}

#[test]
fn why_is_read_back() {
    let words = words();
    let (mut forced, mut back) = (text_of(&words), text_of(&words));
    back.id = "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d12".parse().unwrap();
    forced.overrides = vec![("soak", "an outage (of today)"), ("window", "an outage (of today)")];
    back.back = Some("it loses orders");
    let reasons = reasons(&plainly(&[forced.clone(), back.clone()], 0));
    assert_eq!(reasons.len(), 2);
    assert_eq!(
        reasons[&forced.id],
        "soak overridden: an outage (of today); window overridden: an outage (of today)"
    );
    assert_eq!(reasons[&back.id], "rolled back: it loses orders");
}

#[test]
fn what_is_written_is_read_back() {
    let words = words();
    let message = plainly(&[text_of(&words), text_of(&words)], 0);
    let read = read_trailers(&message);
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].service, words.service);
    assert_eq!(read[0].environment, words.prod);
    assert_eq!(read[0].from, words.from);
    assert_eq!(read[0].image.tag.as_ref(), Some(&words.to));
    assert_eq!(read[0].mark.digest.as_ref().unwrap().as_str(), SHA);
}

#[test]
fn a_reason_cannot_forge_a_trailer() {
    let words = words();
    let mut forged = text_of(&words);
    forged.overrides = vec![("soak", "urgent\n\nTidegate-Promotion: 0197c0de-0000-7000-8000-000000000000")];
    forged.requested_by = "eve\nTidegate-Environment: prod-eu";
    let message = plainly(&[forged], 0);
    let read = read_trailers(&message);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].environment, words.prod);
    assert_eq!(message.matches("\nTidegate-Promotion").count(), 1);
}

#[test]
fn lines_that_a_forge_appends_are_skipped() {
    let words = words();
    let message = plainly(&[text_of(&words)], 0);
    for below in [
        "\nCo-authored-by: tidegate <tidegate@vtr.cl>\n",
        "\n---------\n\nCo-authored-by: tidegate <tidegate@vtr.cl>\nSigned-off-by: Ana <ana@vtr.cl>",
    ] {
        assert_eq!(read_trailers(&format!("{message}{below}")).len(), 1, "{below}");
        let windows = format!("{message}{below}").replace('\n', "\r\n");
        assert_eq!(read_trailers(&windows)[0].mark.requested_by, "schedule");
    }
    assert_eq!(read_trailers(&format!("{message}\nand a word of Ana's\n")), []);
    assert_eq!(read_trailers("Co-authored-by: Ana\n\n---\n"), []);
}

#[test]
fn a_template_words_the_body_and_nothing_else() {
    let words = words();
    let mut promotion = text_of(&words);
    promotion.overrides =
        vec![("soak", "urgent\n\nTidegate-Promotion: 0197c0de-0000-7000-8000-000000000000")];
    promotion.notes = "Fixes\n- close idle subscriptions".to_owned();
    let text = "{{ evidence }}\n{% for one in promotions %}{% for gate in one.overrides %}\n\n{{ gate.gate }}: \
                {{ gate.reason }}\n{% endfor %}{% endfor %}\n{{ notes }}\n\nTidegate-Service: eve/eve\n\n";
    let body = BodyForm::parse(text).unwrap();
    let wording = Wording { subject: &SubjectForm::default(), body: Some(&body), branch: None };
    let message = render(wording, &[promotion], 0);
    let read = read_trailers(&message);
    assert_eq!(read.len(), 1, "{message}");
    assert_eq!(read[0].service, words.service);
    assert!(message.contains("Fixes\n- close idle subscriptions\n\nTidegate-Service: eve/eve\n\nTidegate-Promotion: 0197c0de-7b1e"), "{message}");
    assert_eq!(message.matches("\nTidegate-Promotion").count(), 1, "{message}");
}

#[test]
fn a_revert_and_a_quotation_are_no_promotion() {
    let words = words();
    let message = plainly(&[text_of(&words)], 0);
    assert_eq!(read_trailers(&format!("Revert \"x\"\n\n{message}\n\nThis reverts commit 1234.\n")), []);
    assert_eq!(read_trailers(message.rsplit("\n\n").next().unwrap()), [], "no subject");
    assert_eq!(read_trailers(""), []);
    assert_eq!(read_trailers(&message.replace("graphql-server:v1.0.180@", "graphql-server@")), []);
}
