//! Questions to one camera or to all.

use std::time::Duration;

use zenoh::Wait;
use zenoh::query::{ConsolidationMode, QueryTarget};

use super::link::{Link, reason};
use crate::fleet::{FleetError, Name, Reply, Subject};

/// Bytes of an answer, at most; of an explanation that goes with a refusal, too.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Answers to one question, and their bytes, at most.
const ANSWERS_MAX: usize = 20_000;
const BYTES_MAX: usize = 256 << 20;

/// Asks a camera about a subject, or all where none is named, and gives the answers that come within
/// that time.
///
/// # Errors
/// Where there is no connection.
pub fn ask(
    link: &Link,
    name: Option<&Name>,
    subject: Subject,
    sent: Vec<u8>,
    patience: Duration,
) -> Result<Vec<Reply>, FleetError> {
    if !link.wait(patience) {
        return Err(FleetError::Away);
    }
    let session = link.session().ok_or(FleetError::Away)?;
    let key = name.map_or_else(|| subject.of_all(), |name| name.key(subject));
    let question = session
        .get(key)
        .target(QueryTarget::All)
        .consolidation(ConsolidationMode::None)
        .timeout(patience);
    let question = if sent.is_empty() { question } else { question.payload(sent) };
    let replies = question.wait().map_err(|error| FleetError::Engine(reason(&error)))?;
    let (mut answers, mut bytes) = (Vec::new(), 0);
    while let Ok(reply) = replies.recv() {
        let answer = read(&reply, name, subject);
        bytes += answer.as_ref().map_or(0, length);
        answers.extend(answer.filter(|_| bytes <= BYTES_MAX));
        if answers.len() >= ANSWERS_MAX || bytes > BYTES_MAX {
            break;
        }
    }
    Ok(answers)
}

fn length(reply: &Reply) -> usize {
    reply.answer.as_ref().map_or_else(String::len, Vec::len)
}

/// What an answer says, where it is one to a question about `subject`, put to `name` or to all.
fn read(reply: &zenoh::query::Reply, name: Option<&Name>, subject: Subject) -> Option<Reply> {
    match reply.result() {
        Ok(sample) if sample.payload().len() <= ANSWER_BYTES_MAX => {
            let (name, of) = Name::of_key(sample.key_expr().as_str())?;
            let answer = Ok(sample.payload().to_bytes().into_owned());
            (of == subject).then_some(Reply { name, answer })
        }
        // A refusal does not say whose it is: it is that of the one that was asked.
        Err(refusal) if refusal.payload().len() <= ANSWER_BYTES_MAX => {
            let told = String::from_utf8_lossy(&refusal.payload().to_bytes()).into_owned();
            name.map(|name| Reply { name: name.clone(), answer: Err(told) })
        }
        _ => None,
    }
}
