//! Watches the requests and answers of an emulation. A deviation from the description fails the test, at its end at the
//! latest.

use std::sync::{Arc, Mutex};
use std::thread;

use wiremock::{Request, ResponseTemplate};

use super::{Answer, Asked, of_answer, of_request};

/// Sees every exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Vec<String>>>);

/// Held by the test, which it fails if the witness saw a deviation.
#[derive(Debug, Default)]
pub(crate) struct Watch(Witness);

impl Watch {
    pub(crate) fn witness(&self) -> Witness {
        self.0.clone()
    }

    /// The deviations since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.0.lock().unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let seen = self.take();
        if !thread::panicking() {
            assert!(seen.is_empty(), "not as GitHub describes it:\n{}", seen.join("\n"));
        }
    }
}

impl Witness {
    /// The answer to a request. A request outside the description is refused, and an answer outside the description is
    /// replaced.
    pub(crate) fn checked(&self, asked: Asked<'_>, answer: impl FnOnce() -> Answer) -> Answer {
        if let Some(refusal) = self.refuses(of_request(asked)) {
            return refusal;
        }
        let answer = answer();
        self.refuses(of_answer(asked, &answer)).unwrap_or(answer)
    }

    /// The same for a server of `wiremock`. A deliberate fault is sent unchecked.
    pub(crate) fn responded(
        &self,
        request: &Request,
        answer: impl FnOnce() -> Result<Answer, ResponseTemplate>,
    ) -> ResponseTemplate {
        let asked = asked(request);
        if let Some(refusal) = self.refuses(of_request(asked)) {
            return response(refusal);
        }
        match answer() {
            Ok(answer) => response(self.refuses(of_answer(asked, &answer)).unwrap_or(answer)),
            Err(instead) => instead,
        }
    }

    fn refuses(&self, deviations: Vec<String>) -> Option<Answer> {
        let refusal = Answer::refusal(400, &format!("not as GitHub describes it: {}", deviations.join("; ")));
        let is_refused = !deviations.is_empty();
        self.0.lock().unwrap().extend(deviations);
        is_refused.then_some(refusal)
    }
}

fn asked(request: &Request) -> Asked<'_> {
    let (method, path) = (request.method.as_str(), request.url.path());
    Asked { method, path, query: request.url.query(), body: &request.body }
}

fn response(answer: Answer) -> ResponseTemplate {
    let mut response = ResponseTemplate::new(answer.status);
    for (name, value) in answer.headers {
        response = response.insert_header(name, value);
    }
    match answer.body {
        Some(body) => response.set_body_json(body),
        None => response,
    }
}
