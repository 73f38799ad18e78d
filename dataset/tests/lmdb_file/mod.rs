//! LMDB files, page by page, as `mdb.c` lays them out; also such as it never would.

/// Bytes of a page.
const PAGE: usize = 4096;

/// A page of the tree, and the pages of entries that are too large for it.
#[derive(Clone)]
pub(crate) struct Page {
    bytes: Vec<u8>,
    number: Option<u64>,
    /// Each with its key and value.
    overflows: Vec<(Vec<u8>, Vec<u8>)>,
    overflow_pages: Option<u32>,
}

impl Page {
    fn new(flags: u16) -> Self {
        let mut bytes = vec![0; PAGE];
        bytes[10..12].copy_from_slice(&flags.to_le_bytes());
        bytes[12..14].copy_from_slice(&16_u16.to_le_bytes());
        bytes[14..16].copy_from_slice(&(PAGE as u16).to_le_bytes());
        Self { bytes, number: None, overflows: Vec::new(), overflow_pages: None }
    }

    /// Adds a node in front of the others, with what its head says.
    fn push(&mut self, head: [u16; 3], key: &[u8], data: &[u8]) {
        let [lower, upper] = [12, 14].map(|at| u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]));
        let length = (8 + key.len() + data.len()).next_multiple_of(2);
        let start = usize::from(upper) - length;
        assert!(start >= usize::from(lower) + 2, "a full page");
        let fields = [head[0], head[1], head[2], key.len() as u16];
        let node: Vec<u8> = fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .chain(key.iter().copied())
            .chain(data.iter().copied())
            .collect();
        self.bytes[start..start + node.len()].copy_from_slice(&node);
        self.set_u16(lower.into(), start as u16);
        self.set_u16(12, lower + 2);
        self.set_u16(14, start as u16);
    }

    pub(crate) fn leaf(entries: &[(&[u8], &[u8])]) -> Self {
        let mut page = Self::new(0x02);
        for (key, value) in entries {
            page.push([value.len() as u16, 0, 0], key, value);
        }
        page
    }

    pub(crate) fn branch(pages: &[u64]) -> Self {
        let mut page = Self::new(0x01);
        for &number in pages {
            page.push([number as u16, (number >> 16) as u16, (number >> 32) as u16], b"", b"");
        }
        page
    }

    /// Adds an entry that has pages of its own.
    pub(crate) fn with_overflow(mut self, key: &[u8], value: &[u8]) -> Self {
        self.overflows.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_overflow_pages(mut self, pages: u32) -> Self {
        self.overflow_pages = Some(pages);
        self
    }

    pub(crate) fn with_number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    pub(crate) fn with_flags(self, flags: u16) -> Self {
        self.with_u16(10, flags)
    }

    pub(crate) fn with_u16(mut self, at: usize, value: u16) -> Self {
        self.set_u16(at, value);
        self
    }

    pub(crate) fn with_node_flags(self, node: usize, flags: u16) -> Self {
        let at = self.node_at(node) + 4;
        self.with_u16(at, flags)
    }

    pub(crate) fn with_value_length(self, node: usize, length: u32) -> Self {
        let at = self.node_at(node);
        self.with_u16(at, length as u16).with_u16(at + 2, (length >> 16) as u16)
    }

    fn node_at(&self, node: usize) -> usize {
        let at = 16 + 2 * node;
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]).into()
    }

    fn set_u16(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
}

/// A file of these pages, the first of which is on top of the tree; they are numbered from 2 on.
pub(crate) fn file(pages: &[Page]) -> Vec<u8> {
    let mut pages = pages.to_vec();
    let mut overflows = Vec::new();
    let mut next = 2 + pages.len() as u64;
    for page in &mut pages {
        for (key, value) in std::mem::take(&mut page.overflows) {
            let length = value.len() as u32;
            page.push([length as u16, (length >> 16) as u16, 0x01], &key, &next.to_le_bytes());
            let count = (16 + value.len()).div_ceil(PAGE);
            let mut bytes = vec![0; count * PAGE];
            bytes[..8].copy_from_slice(&next.to_le_bytes());
            bytes[10] = 0x04;
            bytes[12..16].copy_from_slice(&page.overflow_pages.unwrap_or(count as u32).to_le_bytes());
            bytes[16..16 + value.len()].copy_from_slice(&value);
            overflows.extend(bytes);
            next += count as u64;
        }
    }
    let entries: u64 = pages
        .iter()
        .filter(|page| page.bytes[10] & 0x02 != 0)
        .map(|page| u64::from(u16::from_le_bytes([page.bytes[12], page.bytes[13]])).saturating_sub(16) / 2)
        .sum();
    let mut bytes = Vec::new();
    for number in 0..2_u64 {
        let mut page = vec![0; PAGE];
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[10] = 0x08;
        let mut put = |at: usize, value: &[u8]| page[at..at + value.len()].copy_from_slice(value);
        put(16, &0xbeef_c0de_u32.to_le_bytes());
        put(20, &1_u32.to_le_bytes());
        put(40, &(PAGE as u32).to_le_bytes());
        put(94, &40_u16.to_le_bytes());
        put(120, &entries.to_le_bytes());
        put(128, &2_u64.to_le_bytes());
        put(144, &number.to_le_bytes());
        bytes.extend(page);
    }
    for (number, page) in (2_u64..).zip(pages) {
        let start = bytes.len();
        bytes.extend(page.bytes);
        bytes[start..start + 8].copy_from_slice(&page.number.unwrap_or(number).to_le_bytes());
    }
    bytes.extend(overflows);
    bytes
}
