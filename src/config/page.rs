//! How a live page is served, as configurations say.

use super::read::{ConfigError, Section};
use crate::fleet;
use crate::web::{HttpOptions, needs_token};

/// Reads the keys of a page: those of a sink, or those of the page of all cameras.
pub(super) fn read(section: Section) -> Result<HttpOptions, ConfigError> {
    let key = section.key("token_file");
    let of_fleet = section.key("fleet");
    let http: HttpOptions = section.read()?;
    if let (Some(path), false) = (&http.fleet, fleet::IS_BUILT) {
        let problem = format!("'{}' ({})", path.display(), fleet::NOT_BUILT);
        return Err(ConfigError::Key { key: of_fleet, problem });
    }
    match (&http.token, &http.token_file) {
        (None, None) if needs_token(http.listen) => {
            let why = format!("a token, as {} can be reached from other machines", http.listen);
            Err(ConfigError::missing(&key, &why))
        }
        (Some(_), Some(file)) => {
            let problem = format!("'{}' (expected either token or token_file)", file.display());
            Err(ConfigError::Key { key, problem })
        }
        _ => Ok(http),
    }
}
