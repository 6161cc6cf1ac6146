// AssemblyScript imports what a file declares from the module that the file is named after.
export declare function host_call(name: usize, nameLength: usize, payload: usize, length: usize): u64;
export declare function fail(name: usize, nameLength: usize, message: usize, length: usize): void;
