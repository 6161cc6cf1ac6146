//! The pointer ABI: buffers that the host asks for and frees, and results as a packed pointer and length.

use crate::Error;
use serde::{de::DeserializeOwned, Serialize};
use std::sync::Once;

#[link(wasm_import_module = "extruntime")]
extern "C" {
    fn host_call(name: *const u8, name_length: usize, payload: *const u8, length: usize) -> u64;
    fn fail(name: *const u8, name_length: usize, message: *const u8, length: usize) -> ();
}

#[no_mangle]
pub extern "C" fn __base_alloc(length: usize) -> *mut u8 {
    give(vec![0; length]) as *mut u8
}

/// # Safety
/// The buffer was given out by `__base_alloc` or as a result, with this length.
#[no_mangle]
pub unsafe extern "C" fn __base_free(pointer: *mut u8, length: usize) {
    drop(Box::from_raw(std::slice::from_raw_parts_mut(pointer, length)));
}

/// What an exported function does: reads the value, calls, and writes the result.
pub fn answer<I, O, E>(pointer: *mut u8, length: usize, function: impl FnOnce(I) -> Result<O, E>) -> u64
where
    I: DeserializeOwned,
    O: Serialize,
    E: Into<Error>,
{
    tell_panics();
    // The host frees the payload's buffer.
    let payload = unsafe { std::slice::from_raw_parts(pointer, length) };
    match outcome(payload, function) {
        Ok(json) => {
            let length = json.len() as u64;
            (give(json) as u64) << 32 | length
        }
        Err(error) => end(&error.name, &error.message),
    }
}

fn outcome<I, O, E>(payload: &[u8], function: impl FnOnce(I) -> Result<O, E>) -> Result<Vec<u8>, Error>
where
    I: DeserializeOwned,
    O: Serialize,
    E: Into<Error>,
{
    let payload = if payload.is_empty() { b"null" } else { payload };
    let input = serde_json::from_slice(payload).map_err(|error| Error::new("InputError", error))?;
    let output = function(input).map_err(Into::into)?;
    serde_json::to_vec(&output).map_err(|error| Error::new("OutputError", error))
}

/// The text that the host answers with: its first byte says whether the function returned or failed.
pub(crate) fn call(name: &str, payload: &[u8]) -> Box<[u8]> {
    unsafe {
        let packed = host_call(name.as_ptr(), name.len(), payload.as_ptr(), payload.len());
        let pointer = (packed >> 32) as usize as *mut u8;
        Box::from_raw(std::slice::from_raw_parts_mut(pointer, packed as u32 as usize))
    }
}

fn give(bytes: Vec<u8>) -> usize {
    Box::into_raw(bytes.into_boxed_slice()) as *mut u8 as usize
}

fn end(name: &str, message: &str) -> ! {
    unsafe { fail(name.as_ptr(), name.len(), message.as_ptr(), message.len()) }
    unreachable!()
}

/// A panic would end in a bare trap: the host is told its message and its place.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| end("Panic", &panic.to_string()))));
}
