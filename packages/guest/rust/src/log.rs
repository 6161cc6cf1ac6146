//! Lines for the host's logger. `println!` goes nowhere in `wasm32-unknown-unknown`.

mod console {
    #[link(wasm_import_module = "env")]
    extern "C" {
        #[link_name = "console.debug"]
        pub fn debug(text: *const u16);
        #[link_name = "console.info"]
        pub fn info(text: *const u16);
        #[link_name = "console.warn"]
        pub fn warn(text: *const u16);
        #[link_name = "console.error"]
        pub fn error(text: *const u16);
    }
}

macro_rules! levels {
    ($($level:ident),+) => {
        $(pub fn $level(line: impl AsRef<str>) {
            let text = utf16(line.as_ref());
            unsafe { console::$level(text.as_ptr().add(LENGTH_UNITS)) }
        })+
    };
}

levels!(debug, info, warn, error);

/// Units before a text that hold its length in bytes.
const LENGTH_UNITS: usize = 2;

fn utf16(line: &str) -> Vec<u16> {
    let mut text: Vec<u16> = vec![0; LENGTH_UNITS];
    text.extend(line.encode_utf16());
    let bytes = ((text.len() - LENGTH_UNITS) * 2) as u32;
    text[0] = bytes as u16;
    text[1] = (bytes >> 16) as u16;
    text
}
