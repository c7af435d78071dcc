//! Who may direct a station: whoever has the token, once for each challenge.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::directive::{CHALLENGE_BYTES, Challenge, Directive, Secret, Unsigned};
use super::name::Name;
use crate::metrics::FleetMetrics;

/// Lets directives in that are signed, and counts all.
#[derive(Debug)]
pub struct Gate {
    name: Name,
    /// None is let in where there is none.
    secret: Option<Secret>,
    challenge: Mutex<Challenge>,
    metrics: Arc<FleetMetrics>,
}

/// Why a directive is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub enum Refusal {
    /// this station takes no directives (expected token_file in its configuration)
    Closed,
    /// no directive that may be taken: {0}
    Unsigned(Unsigned),
    /// the system gives no random numbers for another challenge
    NoChallenge,
}

impl Gate {
    /// A gate of the camera of that name; nobody gets through where there is no secret.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn new(name: Name, secret: Option<Secret>, metrics: Arc<FleetMetrics>) -> io::Result<Self> {
        Ok(Self { name, secret, challenge: Mutex::new(random()?), metrics })
    }

    /// What the next directive has to answer.
    pub fn challenge(&self) -> Challenge {
        *self.current()
    }

    /// Lets a directive in, after which there is another challenge, or says why not.
    ///
    /// # Errors
    /// Where it may not be taken.
    pub fn admit(&self, bytes: &[u8]) -> Result<Directive, Refusal> {
        let admitted = self.look_at(bytes);
        match &admitted {
            Ok(_) => self.metrics.taken.add(1),
            Err(refusal) => {
                self.metrics.refused.add(1);
                log::warn!("{}: a directive is refused: {refusal}", self.name);
            }
        }
        admitted
    }

    fn look_at(&self, bytes: &[u8]) -> Result<Directive, Refusal> {
        let secret = self.secret.as_ref().ok_or(Refusal::Closed)?;
        let mut challenge = self.current();
        let directive = Directive::read(bytes, secret, &self.name, &challenge);
        let directive = directive.map_err(Refusal::Unsigned)?;
        *challenge = random().map_err(|_| Refusal::NoChallenge)?;
        Ok(directive)
    }

    fn current(&self) -> MutexGuard<'_, Challenge> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that nobody can guess.
fn random() -> io::Result<Challenge> {
    let mut bytes = [0; CHALLENGE_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(secret: Option<Secret>) -> (Gate, Name, Arc<FleetMetrics>) {
        let name = Name::new("host", "left").expect("a name");
        let metrics = Arc::new(FleetMetrics::new(Duration::from_secs(1)));
        let gate = Gate::new(name.clone(), secret, Arc::clone(&metrics)).expect("a gate");
        (gate, name, metrics)
    }

    #[test]
    fn a_directive_is_taken_once() {
        let secret = Secret::of_token("open+sesame/0123456789==");
        let (gate, name, metrics) = gate(Some(secret.clone()));
        let bytes = Directive::Reload.signed(&secret, &name, &gate.challenge());
        assert_eq!(gate.admit(&bytes), Ok(Directive::Reload));
        assert_eq!(gate.admit(&bytes), Err(Refusal::Unsigned(Unsigned::Stale)));
        let again = Directive::Reload.signed(&secret, &name, &gate.challenge());
        assert_eq!(gate.admit(&again), Ok(Directive::Reload));
        assert_eq!((metrics.taken.get(), metrics.refused.get()), (2, 1));
    }

    /// Guesses must not use up the challenge that somebody else is about to answer.
    #[test]
    fn what_is_refused_changes_nothing() {
        let (gate, name, metrics) = gate(Some(Secret::of_token("the right one, of 16")));
        let before = gate.challenge();
        let forged =
            Directive::Reload.signed(&Secret::of_token("a wrong one, of 16 too"), &name, &before);
        assert_eq!(gate.admit(&forged), Err(Refusal::Unsigned(Unsigned::Forged)));
        assert_eq!((gate.challenge(), metrics.refused.get()), (before, 1));
    }

    #[test]
    fn a_station_without_a_token_takes_none() {
        let (gate, name, metrics) = gate(None);
        let bytes = Directive::Reload.signed(&Secret::of_token(""), &name, &gate.challenge());
        assert_eq!(gate.admit(&bytes), Err(Refusal::Closed));
        assert_eq!((metrics.taken.get(), metrics.refused.get()), (0, 1));
    }
}
