//! Files that were made to do harm: each is refused by name, soon, and with little memory.

#![expect(unsafe_code, reason = "the allocator is asked how much it gave out")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stylegan_import::Purpose;
use zip::CompressionMethod;

use super::assembler::{dict, int, network, pickle, tensor, text, torch, zip};
use super::{fixture, message};

/// The system's allocator, which counts.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One at a time, so that each sees its own memory and time.
static ALONE: Mutex<()> = Mutex::new(());

/// The message of a hostile file, which took less than a second and 256 MiB beside the file itself.
fn refused(bytes: &[u8]) -> String {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    PEAK.store(NOW.load(Ordering::Relaxed), Ordering::Relaxed);
    let (before, start) = (NOW.load(Ordering::Relaxed), Instant::now());
    let message = message("x.pkl", bytes);
    let (took, peak) = (start.elapsed(), PEAK.load(Ordering::Relaxed) - before);
    assert!(took < Duration::from_secs(1), "{message}: {took:?}");
    assert!(peak < 256 << 20, "{message}: {peak} bytes");
    message
}

fn cannot(reason: &str) -> String {
    format!("`x.pkl` cannot be converted: {reason}")
}

#[test]
fn classes_outside_the_list_are_named() {
    let asks =
        |name: &str| format!("`x.pkl` asks for `{name}`, which no checkpoint needs; nothing of it was run");
    let by_line = |module: &str, name: &str| pickle(&[format!("c{module}\n{name}\n").as_bytes(), b")R"]);
    let by_stack = |module: &str, name: &str| pickle(&[&text(module), &text(name), b"\x93", b")R"]);
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch", "EvilStorage"),
        ("numpy", "load"),
        ("_codecs", "decode"),
        ("dnnlib.tflib.network", "Network.run"),
        ("dnnlib.util", "open_url"),
        ("collections", "OrderedDict.fromkeys"),
    ] {
        assert_eq!(refused(&by_line(module, name)), asks(&format!("{module}.{name}")));
        assert_eq!(refused(&by_stack(module, name)), asks(&format!("{module}.{name}")));
        let data = by_line(module, name);
        let archive = zip(&[("a/data.pkl", &data)], CompressionMethod::Deflated);
        assert_eq!(refused(&archive), asks(&format!("{module}.{name}")));
        let stream = [&b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..], &data].concat();
        assert_eq!(refused(&stream), asks(&format!("{module}.{name}")));
    }
    assert_eq!(refused(&by_line("a\x1b[2J", "b")), asks("a?[2J.b"));
    let long = "l".repeat(300);
    assert_eq!(
        refused(&by_line(&long, "b")),
        cannot("the instruction at byte 259 has a name of more than 256 bytes")
    );
    // In the middle of a good file, where a good class was.
    let good = std::fs::read(fixture("tf_res16_gs_only_proto3.pkl")).unwrap();
    let name = b"cdnnlib.tflib.network\nNetwork\n";
    let place = good.windows(name.len()).position(|window| window == name).unwrap();
    let evil = [&good[..place], b"cos\nsystem\n", &good[place + name.len()..]].concat();
    assert_eq!(refused(&evil), asks("os.system"));
}

#[test]
fn what_nests_loops_or_unfolds_without_bound() {
    let nested = |levels: usize| pickle(&[&b"]".repeat(levels), &b"a".repeat(levels - 1)]);
    assert_eq!(refused(&nested(100_000)), cannot("it nests deeper than 64 levels"));
    assert_eq!(refused(&nested(65)), cannot("it nests deeper than 64 levels"));
    assert_eq!(refused(&nested(64)), cannot("it is a pickle of something else"));
    let tuples = pickle(&[b")", &b"\x85".repeat(100_000)]);
    assert_eq!(refused(&tuples), cannot("it nests deeper than 64 levels"));

    assert_eq!(refused(&pickle(&[b"]q\0h\0a"])), cannot("it holds itself"));
    assert_eq!(refused(&pickle(&[b"}q\0", &text("a"), b"h\0s"])), cannot("it holds itself"));
    assert_eq!(refused(&pickle(&[b"]q\0]q\x01h\0ah\x01a"])), cannot("it holds itself"));
    let object =
        [&network(3, "G_style"), &b"q\0"[..], &dict(&[("components", b"h\0".to_vec())]), b"b"].concat();
    assert_eq!(refused(&pickle(&[&object])), cannot("it holds itself"));

    // Each list holds the one before ten times.
    let laughs: Vec<u8> = (0..12_u8)
        .flat_map(|level| {
            let inner = if level == 0 { b"N".repeat(10) } else { [b'h', level - 1].repeat(10) };
            [&b"]("[..], &inner, b"eq", &[level]].concat()
        })
        .collect();
    assert_eq!(refused(&pickle(&[&laughs])), cannot("it unfolds to more than 4194304 values"));

    // Depth and loops that do not hang on the result do no harm.
    assert_eq!(refused(&pickle(&[b"]q\0h\0a0N"])), cannot("it is a pickle of something else"));
}

#[test]
fn what_grows_without_bound() {
    assert_eq!(refused(&pickle(&[&b"N".repeat(600_000)])), cannot("it holds more than 500000 values"));
    assert_eq!(refused(&pickle(&[&b"]".repeat(600_000)])), cannot("it holds more than 500000 values"));
    assert_eq!(
        refused(&pickle(&[&b"N0".repeat(499_999), &b"2".repeat(4)])),
        cannot("the instruction at byte 1000000 takes from an empty stack")
    );
    assert_eq!(
        refused(&pickle(&[b"N", &b"20".repeat(3_000_000)])),
        cannot("it has more than 4000000 instructions")
    );
    assert_eq!(
        refused(&pickle(&[b"N", &b"2".repeat(5_000_000)])),
        cannot("it has more than 4000000 instructions")
    );
    let kept: Vec<u8> =
        (0..600_000_u32).flat_map(|number| [&b"r"[..], &number.to_le_bytes()].concat()).collect();
    assert_eq!(refused(&pickle(&[b"N", &kept])), cannot("it holds more than 500000 values"));
    assert_eq!(
        refused(&pickle(&[&text(&"l".repeat(4096)).repeat(5000)])),
        cannot("it has more than 16777216 letters")
    );
    let list = [&b"](("[..], &b"N".repeat(400_000), b"t", &b"2".repeat(3_000_000), b"e"].concat();
    assert_eq!(refused(&pickle(&[&list])), cannot("it unfolds to more than 4194304 values"));
}

#[test]
fn numbers_that_are_not_there() {
    // One number, seen as many times as a network of 1024 pixels has.
    let shapes = [
        ("mapping.dense0.weight", vec![4096, 4096]),
        ("mapping.dense0.bias", vec![4096]),
        ("truncation.w_avg", vec![4096]),
        ("synthesis.layer0.const", vec![1, 512, 4, 4]),
    ];
    let mut entries: Vec<(String, Vec<i32>)> = shapes.map(|(name, shape)| (name.to_owned(), shape)).into();
    for layer in 0..18 {
        let (width, below, side) = (512, 512, 4 << (layer / 2));
        for (part, shape) in [
            ("weight", vec![width, below, 3, 3]),
            ("bias", vec![width]),
            ("apply_noise.weight", vec![width]),
            ("apply_noise.noise", vec![1, 1, side, side]),
            ("style.weight", vec![2 * width, 4096]),
            ("style.bias", vec![2 * width]),
        ] {
            entries.push((format!("synthesis.layer{layer}.{part}"), shape));
        }
        entries.push((format!("synthesis.output{layer}.weight"), vec![3, width, 1, 1]));
        entries.push((format!("synthesis.output{layer}.bias"), vec![3]));
    }
    let entries: Vec<(&str, Vec<u8>)> = entries
        .iter()
        .map(|(name, shape)| (name.as_str(), tensor(1, shape, &vec![0; shape.len()])))
        .collect();
    let message = refused(&torch(&[&dict(&entries)], &[0; 4]));
    assert!(
        message.starts_with("`x.pkl` cannot be converted: its ")
            && message.contains(" bytes hold tensors of "),
        "{message}"
    );

    let one = |tensor: Vec<u8>| {
        let names = ["mapping.dense0.weight", "synthesis.layer0.const", "synthesis.layer0.style.weight"];
        let entries: Vec<_> = names.iter().map(|name| (*name, tensor.clone())).collect();
        refused(&torch(&[&dict(&entries)], &[0; 24]))
    };
    let beyond = cannot("the tensor `mapping.dense0.weight` reaches beyond its storage");
    assert_eq!(one(tensor(6, &[2, 4], &[4, 1])), beyond);
    assert_eq!(one(tensor(6, &[2, 3], &[4, 1])), beyond);
    assert_eq!(one(tensor(6, &[i32::MAX, i32::MAX], &[i32::MAX, 1])), beyond);
    assert_eq!(one(tensor(6, &[65_536, 65_536], &[0, 0])), beyond);
    assert_eq!(one(tensor(6, &[1; 9], &[0; 9])), beyond);
    assert_eq!(one(tensor(6, &[-1, 2], &[1, 1])), cannot("the tensor `mapping.dense0.weight` is no tensor"));
    assert_eq!(one(tensor(6, &[2, 3], &[3, 1])), "`x.pkl` lacks the tensor `synthesis.layer1.bias`");
}

#[test]
fn archives_that_inflate_or_lie() {
    let names = [("a/data.pkl", &vec![b'N'; 80 << 20][..])];
    assert_eq!(
        refused(&zip(&names, CompressionMethod::Deflated)),
        cannot("its zip archive is broken: invalid Zip archive: an entry inflates without bound")
    );
    assert_eq!(
        refused(&zip(&[("a.txt", b"hello")], CompressionMethod::Stored)),
        "`x.pkl` is a zip archive, not a checkpoint"
    );
    assert_eq!(
        refused(&zip(&[("w.npy", b"hello")], CompressionMethod::Stored)),
        "`x.pkl` is a NumPy file, not a checkpoint"
    );
    let data = pickle(&[&dict(&[])]);
    assert_eq!(
        refused(&zip(&[("a/data.pkl", &data), ("a/byteorder", b"big")], CompressionMethod::Stored)),
        cannot("it was written by a machine that puts the highest byte first")
    );
    // The directory says another length, place or checksum than the entry has.
    let good = torch(&[&dict(&[])], &[0; 64]);
    let directory = good.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    for (place, value) in [(20, 0xff), (24, 0xff), (27, 0x7f), (16, 0xff), (42, 0xff), (45, 0x7f), (10, 0x0c)]
    {
        let mut bytes = good.clone();
        bytes[directory + place] = value;
        let message = refused(&bytes);
        assert!(
            message.starts_with("`x.pkl` cannot be converted: its zip archive is broken: "),
            "{place}: {message}"
        );
    }
}

#[test]
fn pickles_that_make_no_sense() {
    for (bytes, reason) in [
        (pickle(&[b"\x80\x06N"]), "its protocol is 6, but 2 to 5 are known"),
        (pickle(&[b"\xff"]), "the instruction 0xff at byte 2 is unknown"),
        (pickle(&[b"\x82\x01"]), "the instruction 0x82 at byte 2 is unknown"),
        (pickle(&[b"0"]), "the instruction at byte 2 takes from an empty stack"),
        (pickle(&[b"N(0"]), "the instruction at byte 4 takes from an empty stack"),
        (pickle(&[b"Nt"]), "the instruction at byte 3 takes from a mark that is not there"),
        (pickle(&[b"h\x07"]), "the instruction at byte 3 takes what was never kept"),
        (pickle(&[b"NNa"]), "the instruction at byte 4 fills what cannot be filled"),
        (pickle(&[b"}(Nu"]), "the instruction at byte 5 has a key without a value"),
        (pickle(&[b"N)R"]), "the instruction at byte 4 makes an instance of what is no class"),
        (
            pickle(&[b"ccollections\nOrderedDict\nNR"]),
            "the instruction at byte 28 makes an instance of what is no class",
        ),
        (pickle(&[b"NNb"]), "the instruction at byte 4 gives a state to what has none"),
        (pickle(&[b"NN\x93"]), "the instruction at byte 4 names a class by what is no name"),
        (pickle(&[b"X\x01\0\0\0\xff"]), "the instruction at byte 7 has a text that is not UTF-8"),
        (
            pickle(&[b"\x8a\x11", &[0; 17]]),
            "the instruction at byte 3 has a whole number of more than 16 bytes",
        ),
        (pickle(&[b"\x8d", &u64::MAX.to_le_bytes()]), "it ends in the middle, after byte 12"),
        (b"\x80\x04".to_vec(), "it ends in the middle, after byte 2"),
        (b"\x80\x04N".to_vec(), "it ends in the middle, after byte 3"),
        (pickle(&[b"N"]), "it is a pickle of something else"),
        (pickle(&[&int(7)]), "it is a pickle of something else"),
        (b"hello".to_vec(), "it is neither a pickle nor a zip archive"),
        (Vec::new(), "it is neither a pickle nor a zip archive"),
    ] {
        assert_eq!(refused(&bytes), cannot(reason));
    }
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pkl");
    std::fs::write(&path, b"\x80\x04").unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(8 << 30).unwrap();
    let start = Instant::now();
    let error = super::converted(&path, None, Purpose::Training).unwrap_err();
    assert!(error.to_string().ends_with("the instruction 0x00 at byte 2 is unknown"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(1));
}
