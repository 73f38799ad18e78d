//! The values of a pickle, and a way to walk through them.

use super::class::Class;

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Of the first byte.
    pub at: u64,
    /// How many bytes there are.
    pub length: u64,
}

/// Number of a value in its pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub(super) u32);

impl Id {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value; those inside it are given by their numbers, so what is shared is there once.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number.
    Float(f64),
    /// A text of at most 4096 bytes.
    Text(Box<str>),
    /// A longer text, in UTF-8.
    LongText(Span),
    /// Bytes, or a string of Python 2 that is no short text.
    Bytes(Span),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list or a set.
    List(Vec<Id>),
    /// A dictionary in the order in which it was filled; a key may come twice, then the last one counts.
    Dict(Vec<(Id, Id)>),
    /// A class or function itself.
    Class(Class),
    /// An instance: its class, what it was made of, and what it was told afterwards.
    Object {
        /// Its class.
        class: Class,
        /// What it was made of.
        arguments: Id,
        /// What it was told afterwards.
        state: Option<Id>,
    },
    /// Something outside the pickle.
    Persistent(Id),
}

impl Value {
    /// Number `index` of the values directly inside this one.
    pub(super) fn inner(&self, index: usize) -> Option<Id> {
        match self {
            Self::Tuple(items) | Self::List(items) => items.get(index).copied(),
            Self::Dict(entries) => {
                entries.get(index / 2).map(|&(key, value)| if index.is_multiple_of(2) { key } else { value })
            }
            Self::Object { arguments, state, .. } => match index {
                0 => Some(*arguments),
                1 => *state,
                _ => None,
            },
            Self::Persistent(id) => (index == 0).then_some(*id),
            _ => None,
        }
    }
}

/// A pickle, read.
#[derive(Debug)]
pub struct Pickle {
    pub(super) values: Vec<Value>,
    pub(super) root: Id,
    /// Protocol that it says it has.
    pub protocol: u8,
    /// Place after its last instruction.
    pub end: u64,
}

impl Pickle {
    /// What the pickle is of.
    pub fn root(&self) -> Item<'_> {
        Item { pickle: self, id: self.root }
    }

    /// Every value that was made, in the order of making.
    pub fn all(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.values.len() as u32).map(|number| Item { pickle: self, id: Id(number) })
    }
}

/// A value of a pickle.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pickle: &'a Pickle,
    id: Id,
}

impl<'a> Item<'a> {
    /// The value itself.
    pub fn value(self) -> &'a Value {
        &self.pickle.values[self.id.index()]
    }

    fn at(self, id: Id) -> Self {
        Self { id, ..self }
    }

    /// Whether it is `None`.
    pub fn is_none(self) -> bool {
        matches!(self.value(), Value::None)
    }

    /// The text, if it is a short one.
    pub fn text(self) -> Option<&'a str> {
        match self.value() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number.
    pub fn int(self) -> Option<i128> {
        match self.value() {
            Value::Int(int) => Some(*int),
            // As in Python.
            Value::Bool(bool) => Some(i128::from(*bool)),
            _ => None,
        }
    }

    /// The whole number, if it may be a size.
    pub fn size(self) -> Option<usize> {
        self.int().and_then(|int| int.try_into().ok())
    }

    /// The number.
    pub fn float(self) -> Option<f64> {
        match self.value() {
            Value::Float(float) => Some(*float),
            _ => self.int().map(|int| int as f64),
        }
    }

    /// The items of a tuple or list.
    pub fn items(self) -> Option<Vec<Self>> {
        match self.value() {
            Value::Tuple(ids) | Value::List(ids) => Some(ids.iter().map(|&id| self.at(id)).collect()),
            _ => None,
        }
    }

    /// The sizes in a tuple or list.
    pub fn sizes(self) -> Option<Vec<usize>> {
        self.items()?.into_iter().map(Self::size).collect()
    }

    /// The entries of a dictionary whose keys are texts.
    pub fn entries(self) -> Option<impl DoubleEndedIterator<Item = (&'a str, Self)>> {
        let Value::Dict(entries) = self.value() else { return None };
        Some(entries.iter().filter_map(move |&(key, value)| Some((self.at(key).text()?, self.at(value)))))
    }

    /// The value of a key in a dictionary.
    pub fn get(self, key: &str) -> Option<Self> {
        self.entries()?.rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The class or function itself.
    pub fn class(self) -> Option<Class> {
        match self.value() {
            Value::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// Class, arguments and state of an instance.
    pub fn object(self) -> Option<(Class, Self, Option<Self>)> {
        match self.value() {
            Value::Object { class, arguments, state } => {
                Some((*class, self.at(*arguments), state.map(|id| self.at(id))))
            }
            _ => None,
        }
    }

    /// By what something outside the pickle is named.
    pub fn persistent(self) -> Option<Self> {
        match self.value() {
            Value::Persistent(id) => Some(self.at(*id)),
            _ => None,
        }
    }
}
