//! Whatever a file holds, reading it as an LMDB file of pictures gives an answer: no panic, no more memory than its pictures
//! take.

#![no_main]

mod source;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| source::read(bytes, "mdb"));
