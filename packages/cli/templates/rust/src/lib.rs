use extruntime_guest::{export, Error, Result};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    text: String,
}

/// Takes one JSON value, and returns one.
fn greet(person: Person) -> Result<Greeting> {
    if person.name.is_empty() {
        return Err(Error::new("TypeError", "name must be a text"));
    }
    Ok(Greeting { text: format!("Hello, {}!", person.name) })
}

export!(greet);
