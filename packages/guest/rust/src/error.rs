use std::fmt;

/// What a function of the extension fails with: the host sees its name and its message.
///
/// Any error of the standard library or of a crate becomes one by `?`.
pub struct Error {
    pub name: String,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// `name` is for programs, as `TypeError` is in JavaScript; `message` for people.
    pub fn new(name: impl Into<String>, message: impl fmt::Display) -> Self {
        Error { name: name.into(), message: message.to_string() }
    }
}

// It is no `std::error::Error` itself, as `anyhow::Error` is none: so all that are become one.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Error::new("Error", error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
