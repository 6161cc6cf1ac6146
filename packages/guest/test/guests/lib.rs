use extruntime_guest::{export, host, log, Error, Result, Value};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    text: String,
}

fn greet(person: Person) -> Result<Greeting> {
    if person.name.is_empty() {
        return Err(Error::new("TypeError", "name must be a text"));
    }
    log::info(format!("greets {}", person.name));
    Ok(Greeting { text: format!("Hello, {}!", person.name) })
}

fn echo(value: Value) -> Result<Value> {
    Ok(value)
}

fn count(_: Value) -> Result<u32> {
    Ok(CALLS.fetch_add(1, Ordering::Relaxed) + 1)
}

fn price(item: String) -> Result<Value> {
    host::call("price", item)
}

fn caught(item: String) -> Result<Value> {
    Ok(price(item).unwrap_or_else(|error| error.to_string().into()))
}

fn crash(value: u32) -> Result<Value> {
    panic!("out of range: {}", value)
}

export!(greet, echo, count, price, caught, crash);
