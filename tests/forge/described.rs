//! Whether the emulations of GitHub are held to GitHub's own description: what is not in it must not pass.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::described::watch::Watch;
use crate::support::described::{Answer, Asked, example, of_answer, of_request, overlay, repository};

const REPOSITORY: &str = "vtr/gitops";
const LIST: &str = "/repos/vtr/gitops/pulls";
const ONE: &str = "/repos/vtr/gitops/pulls/7";
const LABELS: &str = "/repos/vtr/gitops/issues/7/labels";

fn asked<'a>(method: &'a str, target: &'a str, body: &'a str) -> Asked<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Asked { method, path, query, body: body.as_bytes() }
}

#[rstest]
#[case("GET", "/repos/vtr/gitops/pulls?state=open&per_page=100&page=2", "")]
#[case("PATCH", ONE, r#"{"state": "closed"}"#)]
#[case("POST", LABELS, r#"{"labels": ["promotion"]}"#)]
#[case("POST", "/app/installations/2/access_tokens", "")]
fn a_request_that_is_described_passes(#[case] method: &str, #[case] target: &str, #[case] body: &str) {
    assert_eq!(of_request(asked(method, target, body)), Vec::<String>::new());
}

#[rstest]
#[case("GET", "/repos/vtr/gitops/pull", "", "GET /repos/vtr/gitops/pull: there is no such operation")]
#[case("DELETE", ONE, "", "DELETE /repos/vtr/gitops/pulls/7: there is no such operation")]
#[case(
    "GET",
    "/repos/vtr/gitops/pulls?label=x",
    "",
    "query parameter label: there is none in the description"
)]
#[case(
    "GET",
    "/repos/vtr/gitops/pulls?state=merged",
    "",
    r#"query parameter state: it is not one of "open""#
)]
#[case(
    "GET",
    "/repos/vtr/gitops/pulls?per_page=all",
    "",
    r#"query parameter per_page: it is not of type "integer""#
)]
#[case("GET", "/repos/vtr/gitops/pulls?page=1&page=2", "", "query parameter page: it is given twice")]
#[case(
    "GET",
    "/repos/vtr/gitops/pulls/seven",
    "",
    r#"path parameter pull_number: it is not of type "integer""#
)]
#[case("GET", ONE, "{}", "body: there is none in the description")]
#[case("POST", LIST, "", "body: it is required")]
#[case("POST", LIST, "{", "POST /repos/{owner}/{repo}/pulls: body: EOF while parsing")]
#[case(
    "POST",
    LIST,
    r#"{"title": "x", "base": "main"}"#,
    r#"body: "head" is a required property (/required)"#
)]
#[case("PATCH", ONE, r#"{"state": "merged"}"#, "body at /state: it is not one of")]
#[case(
    "PATCH",
    ONE,
    r#"{"milestone": 1}"#,
    "body: Unevaluated properties are not allowed ('milestone' was unexpected)"
)]
fn a_request_outside_the_description_is_a_fault(
    #[case] method: &str,
    #[case] target: &str,
    #[case] body: &str,
    #[case] expected: &str,
) {
    let deviations = of_request(asked(method, target, body));
    assert!(deviations.iter().any(|deviation| deviation.contains(expected)), "{deviations:?}");
}

const SINGLE: &str = "GET /repos/{owner}/{repo}/pulls/{pull_number}";

/// GitHub's example of a pull request, as its own schema has it but for one thing.
fn pull(with: Value) -> Value {
    let mut pull = example(SINGLE, REPOSITORY, json!({"requested_teams": []}));
    overlay(&mut pull, with);
    pull
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, body: Some(body), ..Answer::default() }
}

#[rstest]
#[case(ONE, answer(200, pull(json!({}))))]
#[case("/repos/vtr/gitops", answer(200, repository(REPOSITORY, json!({}))))]
#[case(ONE, Answer { status: 304, ..Answer::default() })]
#[case(ONE, answer(401, json!({"message": "Bad credentials"})))]
#[case(ONE, Answer { status: 502, ..Answer::default() })]
fn an_answer_that_is_described_passes(#[case] path: &str, #[case] answer: Answer) {
    assert_eq!(of_answer(asked("GET", path, ""), &answer), Vec::<String>::new());
}

#[rstest]
#[case(answer(200, pull(json!({"number": "7"}))), r#"answer 200 at /number: it is not of type "integer""#)]
#[case(answer(200, pull(json!({"title": null}))), r#"answer 200 at /title: it is not of type "string""#)]
#[case(answer(200, pull(json!({"created_at": "yesterday"}))), r#"answer 200 at /created_at: it is not a "date-time""#)]
#[case(answer(200, pull(json!({"state": "merged"}))), "answer 200 at /state: it is not one of")]
#[case(answer(200, pull(json!({"approved": true}))), "Unevaluated properties are not allowed ('approved' was unexpected)")]
#[case(
    answer(200, pull(json!({"head": {"user": {"nick": "x"}}}))),
    "answer 200 at /head/user: Unevaluated properties are not allowed ('nick' was unexpected)"
)]
#[case(answer(200, json!({"number": 7})), r#""node_id" is a required property (/components/schemas/pull-request/required)"#)]
#[case(answer(200, json!([])), "answer 200: it is not of type")]
#[case(Answer { status: 200, ..Answer::default() }, "answer 200: the body is missing")]
#[case(Answer { status: 204, ..Answer::default() }, "answer 204: there is no such status in the description")]
#[case(answer(304, json!({})), "answer 304: there is no body in the description")]
#[case(answer(404, json!({"error": "x"})), "Unevaluated properties are not allowed ('error' was unexpected)")]
fn a_response_outside_the_description_is_a_fault(#[case] answer: Answer, #[case] expected: &str) {
    let deviations = of_answer(asked("GET", ONE, ""), &answer);
    let all = format!("{SINGLE}: answer ");
    assert!(deviations.iter().all(|deviation| deviation.starts_with(&all)), "{deviations:?}");
    assert!(deviations.iter().any(|deviation| deviation.contains(expected)), "{deviations:?}");
}

const MUTATION: &str = "mutation($id: ID!, $method: PullRequestMergeMethod!) { enablePullRequestAutoMerge(input: \
                        {pullRequestId: $id, mergeMethod: $method}) { clientMutationId } }";

#[rstest]
#[case(MUTATION, "SQUASH", "")]
#[case(MUTATION, "FAST", "mergeMethod is none of PullRequestMergeMethod")]
#[case(&MUTATION.replace("enablePull", "openPull"), "SQUASH", "openPullRequestAutoMerge: there is no such mutation")]
#[case(&MUTATION.replace("mergeMethod", "method"), "SQUASH", "there is no field method")]
#[case(&MUTATION.replace("pullRequestId: $id, ", ""), "SQUASH", "pullRequestId is required")]
#[case(&MUTATION.replace("$id: ID!", "$id: String!"), "SQUASH", "pullRequestId is ID! and not String!")]
#[case(&MUTATION.replace("{ clientMutationId }", "{ number }"), "SQUASH", "there is no number in its answer")]
#[case("query { viewer { login } }", "SQUASH", "is not of the form that is checked")]
fn a_mutation_is_held_to_the_schema_of_graphql(
    #[case] query: &str,
    #[case] method: &str,
    #[case] expected: &str,
) {
    let body = json!({"query": query, "variables": {"id": "PR_1", "method": method}}).to_string();
    let deviations = of_request(asked("POST", "/graphql", &body));
    assert_eq!(deviations.is_empty(), expected.is_empty(), "{deviations:?}");
    assert!(expected.is_empty() || deviations[0].contains(expected), "{deviations:?}");
}

#[test]
fn a_deviation_from_the_description_fails_the_test() {
    let watch = Watch::default();
    let witness = watch.witness();
    let refused = witness.checked(asked("GET", "/repos/vtr/gitops/pulls?label=x", ""), || unreachable!());
    assert_eq!(refused.status, 400);
    let kept_back = witness.checked(asked("GET", ONE, ""), || answer(200, json!({"number": 7})));
    assert_eq!(kept_back.status, 400);
    assert_eq!(witness.checked(asked("GET", ONE, ""), || answer(200, pull(json!({})))).status, 200);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(watch)));
    let panic_text = failed.unwrap_err();
    let panic_text = panic_text.downcast_ref::<String>().unwrap();
    assert!(panic_text.contains("GET /repos/{owner}/{repo}/pulls: query parameter label"), "{panic_text}");
    assert!(
        panic_text.contains(&format!("{SINGLE}: answer 200: \"node_id\" is a required property")),
        "{panic_text}"
    );
}
