//! The pages of an LMDB file: what stands where in them.
//!
//! A file is pages of equal size. The first two say each, for one of the last two transactions, where the tree of entries
//! begins; the later one counts. A page of the tree begins with its number, its kind, and where its list of nodes ends; each
//! node stands where that list says. An entry that is too large for its page has pages of its own, in a row. Everything is
//! little endian and of a 64-bit machine; of another, pages begin with other numbers and are refused.
//!
//! Layout and names: `mdb.c` of LMDB, data format 1 (`MDB_page`, `MDB_meta`, `MDB_node`).

/// `PAGEHDRSZ`
pub(super) const HEADER_BYTES: usize = 16;
/// What stands after the header of the first two pages.
const MAGIC: u32 = 0xbeef_c0de;
const VERSION: u32 = 1;
/// Sizes that pages can have.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65_536;
/// The number of no page.
const NONE: u64 = u64::MAX;

/// `P_BRANCH`, `P_LEAF`, `P_OVERFLOW` and `P_META`
const KINDS: [(u16, Kind); 4] =
    [(0x01, Kind::Branch), (0x02, Kind::Leaf), (0x04, Kind::Overflow), (0x08, Kind::Meta)];
/// `P_LEAF2` and `P_SUBP`: of keys with several values, which data sets do not have.
const OF_SEVERAL_VALUES: u16 = 0x20 | 0x40;
/// `MDB_DUPSORT`
const SEVERAL_VALUES: u16 = 0x04;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    Leaf,
    Overflow,
    Meta,
}

/// What one of the first two pages says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) page_bytes: u32,
    pub(super) transaction: u64,
    pub(super) entries: u64,
    pub(super) depth: u16,
    /// The page on top of the tree; none if there are no entries.
    pub(super) root: Option<u64>,
}

/// Whether a file begins with such a page.
pub(super) fn is_meta(head: &[u8]) -> bool {
    u32_at(head, HEADER_BYTES) == Some(MAGIC)
}

impl Meta {
    /// Bytes that it takes.
    pub(super) const BYTES: usize = HEADER_BYTES + 24 + 2 * DB_BYTES + 16;

    /// Takes the beginning of one of the first two pages apart.
    pub(super) fn parse(page: &[u8]) -> Result<Self, String> {
        const CUT: &str = "its first pages are cut short";
        if u32_at(page, HEADER_BYTES).ok_or(CUT)? != MAGIC || kind(page)? != Kind::Meta {
            return Err("its first pages are not those of LMDB on a 64-bit machine".into());
        }
        let version = u32_at(page, HEADER_BYTES + 4).ok_or(CUT)?;
        if version != VERSION {
            return Err(format!("its format is {version}, but {VERSION} is known"));
        }
        // Of the list of free pages, which holds the size of pages as well; then of the entries.
        let free = HEADER_BYTES + 24;
        let main = free + DB_BYTES;
        let page_bytes = u32_at(page, free).ok_or(CUT)?;
        if !PAGE_BYTES.contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Err(format!("its pages have {page_bytes} bytes"));
        }
        if u16_at(page, main + 4).ok_or(CUT)? & SEVERAL_VALUES != 0 {
            return Err("its keys have several values".into());
        }
        let root = u64_at(page, main + 40).ok_or(CUT)?;
        Ok(Self {
            page_bytes,
            depth: u16_at(page, main + 6).ok_or(CUT)?,
            entries: u64_at(page, main + 32).ok_or(CUT)?,
            root: (root != NONE).then_some(root),
            transaction: u64_at(page, main + DB_BYTES + 8).ok_or(CUT)?,
        })
    }
}

/// `MDB_db`
const DB_BYTES: usize = 48;

/// What a page holds, by its flags.
pub(super) fn kind(page: &[u8]) -> Result<Kind, String> {
    let flags = u16_at(page, 10).ok_or("a page is cut short")?;
    let mut kinds = KINDS.iter().filter(|(flag, _)| flags & flag != 0);
    match (kinds.next(), kinds.next()) {
        (Some((_, kind)), None) if flags & OF_SEVERAL_VALUES == 0 => Ok(*kind),
        _ => Err(format!("a page has the flags {flags:#06x}")),
    }
}

/// The number that a page says it has.
pub(super) fn number(page: &[u8]) -> Option<u64> {
    u64_at(page, 0)
}

/// How many pages an entry has that needs its own, by the header of the first.
pub(super) fn overflow_pages(page: &[u8]) -> Option<u32> {
    u32_at(page, 12)
}

/// A node of a leaf or of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node<'a> {
    /// In the order of which nodes stand.
    pub(super) key: &'a [u8],
    pub(super) target: Target,
}

/// Where a node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To another page of the tree.
    Page(u64),
    /// To so many bytes of the same page, from there on.
    Here { at: usize, length: u32 },
    /// To so many bytes on pages of their own.
    Overflow { page: u64, length: u32 },
}

/// How many nodes there are on a page of the tree.
pub(super) fn node_count(page: &[u8]) -> Result<usize, String> {
    let lower = usize::from(u16_at(page, 12).ok_or("a page is cut short")?);
    // A page of 65536 bytes may be full to its end, where this is 0 again, but only of one with a long list of nodes.
    let list = lower.checked_sub(HEADER_BYTES).filter(|list| lower <= page.len() && list % 2 == 0);
    list.map(|list| list / 2).ok_or_else(|| "a list of nodes leaves its page".into())
}

/// Node number `index` of a page of that kind.
pub(super) fn node(page: &[u8], kind: Kind, index: usize) -> Result<Node<'_>, String> {
    const NODE_BYTES: usize = 8;
    /// `F_BIGDATA`, `F_SUBDATA` and `F_DUPDATA`
    const ON_OTHER_PAGES: u16 = 0x01;
    const NO_BYTES: u16 = 0x02 | 0x04;
    let leaves = || "a node leaves its page".to_owned();
    let at = usize::from(u16_at(page, HEADER_BYTES + 2 * index).ok_or_else(leaves)?);
    if at < HEADER_BYTES {
        return Err(leaves());
    }
    let [low, high, flags, key_length] =
        [0, 2, 4, 6].map(|offset| u16_at(page, at + offset)).map(|field| field.ok_or_else(leaves));
    let (low, high, flags) = (low?, high?, flags?);
    let data = at + NODE_BYTES + usize::from(key_length?);
    let key = page.get(at + NODE_BYTES..data).ok_or_else(leaves)?;
    let length = u32::from(low) | u32::from(high) << 16;
    let target = match kind {
        Kind::Branch => Target::Page(u64::from(length) | u64::from(flags) << 32),
        _ if flags & NO_BYTES != 0 => {
            return Err("a key has several values, or is a database of its own".into());
        }
        _ if flags & ON_OTHER_PAGES != 0 => {
            Target::Overflow { page: u64_at(page, data).ok_or_else(leaves)?, length }
        }
        _ if (page.len() - data) < length as usize => return Err(leaves()),
        _ => Target::Here { at: data, length },
    };
    Ok(Node { key, target })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
