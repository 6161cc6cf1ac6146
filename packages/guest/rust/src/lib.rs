//! Extensions of extruntime in Rust.
//!
//! ```ignore
//! use extruntime_guest::{export, Error, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Person { name: String }
//! #[derive(Serialize)]
//! struct Greeting { text: String }
//!
//! fn greet(person: Person) -> Result<Greeting> {
//!     Ok(Greeting { text: format!("Hello, {}!", person.name) })
//! }
//!
//! export!(greet);
//! ```

#[doc(hidden)]
pub mod abi;
mod error;
pub mod host;
pub mod log;

pub use error::{Error, Result};
pub use serde_json::{json, Value};

/// Exports functions by their names, for the `exports` of the manifest: `export!(greet, part)`.
///
/// Each takes one value that serde can read and returns a `Result` of one that it can write. An error, and a panic, fail the call.
#[macro_export]
macro_rules! export {
    ($($function:ident),+ $(,)?) => {
        $(const _: () = {
            #[export_name = stringify!($function)]
            extern "C" fn exported(pointer: *mut u8, length: usize) -> u64 {
                $crate::abi::answer(pointer, length, $function)
            }
        };)+
    };
}
