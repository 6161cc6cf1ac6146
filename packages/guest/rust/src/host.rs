//! Functions of the host, which the manifest asks for in `permissions`.

use crate::{abi, Error};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::from_slice;

/// Calls one with a value, and waits for its answer.
///
/// # Errors
/// With the name and the message of what the function failed with; `PermissionError` where the manifest does not ask for it.
pub fn call<O: DeserializeOwned>(name: &str, value: impl Serialize) -> Result<O, Error> {
    let payload = serde_json::to_vec(&value).map_err(|error| Error::new("OutputError", error))?;
    let answer = abi::call(name, &payload);
    let (kind, json) = answer.split_first().ok_or_else(|| Error::new("Error", "the host's answer is empty"))?;
    if *kind == b'=' {
        return from_slice(json).map_err(|error| Error::new("InputError", format!("the answer of {name}: {error}")));
    }
    // A third element has the error's code and data, where it has any.
    let parts: Vec<serde_json::Value> = from_slice(json)?;
    let text = |index: usize| parts.get(index).and_then(|part| part.as_str()).unwrap_or_default();
    Err(Error::new(text(0), text(1)))
}
