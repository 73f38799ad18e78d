//! The machine that a pickle is a program for.

use std::collections::HashMap;
use std::io::{self, BufRead, Seek};

use super::value::{Id, Span, Value};
use super::{Class, Fault, Pickle, bounds};

/// Longer texts stay in the file.
pub(super) const SHORT_BYTES: u64 = 1 << 12;
/// Instructions of a pickle, at most; a checkpoint with its optimizers has some ten thousand.
const MAX_INSTRUCTIONS: u32 = 4_000_000;
/// Values of a pickle, at most, and values that it takes down to use again.
const MAX_VALUES: usize = 500_000;
/// Bytes of all texts that are kept, at most.
const MAX_TEXT_BYTES: u64 = 16 << 20;

type Result<T, E = Fault> = std::result::Result<T, E>;

impl Pickle {
    /// Reads a pickle from `input`, which stands at byte `at` and has bytes up to `length`.
    ///
    /// # Errors
    /// If it is cut short, no pickle of protocol 2 to 5, asks for a class that is not in the list, or holds more than any
    /// checkpoint or data set needs.
    pub fn read(input: &mut (impl BufRead + Seek), at: u64, length: u64) -> Result<Self> {
        let mut machine = Machine {
            input,
            at,
            length,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            text_bytes: 0,
            protocol: 0,
        };
        let root = machine.run()?;
        let Machine { values, at: end, protocol, .. } = machine;
        bounds::check(&values, root)?;
        Ok(Self { values, root, protocol, end })
    }
}

struct Machine<'a, R> {
    input: &'a mut R,
    /// Place of the next byte.
    at: u64,
    length: u64,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    text_bytes: u64,
    protocol: u8,
}

impl<R: BufRead + Seek> Machine<'_, R> {
    /// Runs to the end; returns what is on top of the stack.
    fn run(&mut self) -> Result<Id> {
        for _ in 0..MAX_INSTRUCTIONS {
            let code = self.byte()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
        Err(Fault::Excess(format!("has more than {MAX_INSTRUCTIONS} instructions")))
    }

    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            0x80 => {
                self.protocol = self.byte()?;
                if !(2..=5).contains(&self.protocol) {
                    return Err(Fault::Protocol { found: self.protocol });
                }
                Ok(())
            }
            // The length of what follows, which is read as it comes.
            0x95 => self.array::<8>().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' | b'K' | b'M' | b'G' | 0x8a | 0x8b => self.number(code),
            b'U' | b'T' | b'X' | 0x8c | 0x8d | b'C' | b'B' | 0x8e | 0x96 => self.string(code),
            b')' | b't' | 0x85 | 0x86 | 0x87 | b']' | 0x8f | b'l' | b'}' | b'd' | 0x91 => {
                self.collection(code)
            }
            b'a' | b'e' | 0x90 | b's' | b'u' => self.fill(code),
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(code),
            b'c' | 0x93 => self.class(code),
            b'R' | 0x81 | 0x92 | b'b' => self.object(code),
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name))
            }
            _ => Err(Fault::Instruction { code, at: self.at - 1 }),
        }
    }

    fn number(&mut self, code: u8) -> Result<()> {
        let int = match code {
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.byte()?.into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            b'G' => {
                let float = f64::from_be_bytes(self.array()?);
                return self.push(Value::Float(float));
            }
            _ => {
                let length = if code == 0x8a { self.byte()?.into() } else { self.u32()? };
                let mut bytes = [0; 16];
                let Some(place) = bytes.get_mut(..length as usize) else {
                    return self.nonsense("has a whole number of more than 16 bytes");
                };
                fill(self.input, &mut self.at, place)?;
                if place.last().is_some_and(|&byte| byte >= 0x80) {
                    bytes[length as usize..].fill(0xff);
                }
                i128::from_le_bytes(bytes)
            }
        };
        self.push(Value::Int(int))
    }

    /// A text or bytes. The strings of Python 2 may be either; they are a text if they can be.
    fn string(&mut self, code: u8) -> Result<()> {
        let length = match code {
            b'U' | 0x8c | b'C' => self.byte()?.into(),
            b'T' | b'X' | b'B' => self.u32()?.into(),
            _ => u64::from_le_bytes(self.array()?),
        };
        let span = Span { at: self.at, length };
        if length > self.length.saturating_sub(self.at) {
            return Err(Fault::Truncated { at: self.length });
        }
        let is_text = matches!(code, b'X' | 0x8c | 0x8d);
        if (is_text || matches!(code, b'U' | b'T')) && length <= SHORT_BYTES {
            self.text_bytes += length;
            if self.text_bytes > MAX_TEXT_BYTES {
                return Err(Fault::Excess(format!("has more than {MAX_TEXT_BYTES} letters")));
            }
            let mut bytes = vec![0; length as usize];
            fill(self.input, &mut self.at, &mut bytes)?;
            return match String::from_utf8(bytes) {
                Ok(text) => self.push(Value::Text(text.into())),
                Err(_) if is_text => self.nonsense("has a text that is not UTF-8"),
                Err(_) => self.push(Value::Bytes(span)),
            };
        }
        self.input.seek_relative(length as i64)?;
        self.at += length;
        self.push(if is_text { Value::LongText(span) } else { Value::Bytes(span) })
    }

    fn collection(&mut self, code: u8) -> Result<()> {
        let value = match code {
            b')' => Value::Tuple(Vec::new()),
            b't' | 0x91 => Value::Tuple(self.pop_mark()?),
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3);
                for _ in 0x85..=code {
                    items.push(self.pop()?);
                }
                items.reverse();
                Value::Tuple(items)
            }
            b']' | 0x8f => Value::List(Vec::new()),
            b'l' => Value::List(self.pop_mark()?),
            b'}' => Value::Dict(Vec::new()),
            _ => {
                let items = self.pop_mark()?;
                Value::Dict(self.in_pairs(&items)?)
            }
        };
        self.push(value)
    }

    /// Puts what lies on the stack into the list, set or dictionary below it.
    fn fill(&mut self, code: u8) -> Result<()> {
        let items = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        let pairs = if matches!(code, b's' | b'u') { Some(self.in_pairs(&items)?) } else { None };
        let top = self.top()?;
        match (&mut self.values[top.index()], pairs) {
            (Value::List(list), None) => list.extend(items),
            (Value::Dict(dict), Some(pairs)) => dict.extend(pairs),
            _ => return self.nonsense("fills what cannot be filled"),
        }
        Ok(())
    }

    fn in_pairs(&self, items: &[Id]) -> Result<Vec<(Id, Id)>> {
        if !items.len().is_multiple_of(2) {
            return self.nonsense("has a key without a value");
        }
        Ok(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    /// Takes down the top of the stack, or puts back what was taken down.
    fn remember(&mut self, code: u8) -> Result<()> {
        let number = match code {
            b'q' | b'h' => self.byte()?.into(),
            b'r' | b'j' => self.u32()?,
            _ => self.memo.len() as u32,
        };
        if matches!(code, b'h' | b'j') {
            let Some(&id) = self.memo.get(&number) else { return self.nonsense("takes what was never kept") };
            self.stack.push(id);
            return Ok(());
        }
        let top = self.top()?;
        self.memo.insert(number, top);
        if self.memo.len() > MAX_VALUES { too_many() } else { Ok(()) }
    }

    fn class(&mut self, code: u8) -> Result<()> {
        let (module, name) = if code == b'c' {
            (self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (&self.values[module.index()], &self.values[name.index()]) {
                (Value::Text(module), Value::Text(name)) => (module.to_string(), name.to_string()),
                _ => return self.nonsense("names a class by what is no name"),
            }
        };
        if let Some(class) = Class::find(&module, &name) {
            return self.push(Value::Class(class));
        }
        let name = format!("{module}.{name}");
        let name = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect();
        Err(Fault::Class { name })
    }

    /// Makes an instance, or tells it its state.
    fn object(&mut self, code: u8) -> Result<()> {
        let last = self.pop()?;
        if code == b'b' {
            let top = self.top()?;
            return match &mut self.values[top.index()] {
                Value::Object { state, .. } => {
                    *state = Some(last);
                    Ok(())
                }
                // What is noted at a dictionary, such as the versions of a state dict's modules, is not needed.
                Value::Dict(_) => Ok(()),
                _ => self.nonsense("gives a state to what has none"),
            };
        }
        // Arguments by name, if there are any, make no difference to any class of the list.
        let arguments = if code == 0x92 { self.pop()? } else { last };
        let class = self.pop()?;
        let (Value::Class(class), Value::Tuple(given)) =
            (&self.values[class.index()], &self.values[arguments.index()])
        else {
            return self.nonsense("makes an instance of what is no class");
        };
        let class = *class;
        if class != Class::Dict {
            return self.push(Value::Object { class, arguments, state: None });
        }
        // Python 2 hands a list of pairs over.
        let pairs = given.first().map(|id| &self.values[id.index()]);
        let Some(Value::List(pairs)) = pairs else { return self.push(Value::Dict(Vec::new())) };
        let pair = |id: &Id| match &self.values[id.index()] {
            Value::Tuple(pair) | Value::List(pair) => Some((*pair.first()?, *pair.get(1)?)),
            _ => None,
        };
        match pairs.iter().map(pair).collect() {
            Some(entries) => self.push(Value::Dict(entries)),
            None => self.nonsense("makes a dictionary of what are no pairs"),
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.values.len() == MAX_VALUES {
            return too_many();
        }
        self.stack.push(Id(self.values.len() as u32));
        self.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor
            && let Some(top) = self.stack.pop()
        {
            return Ok(top);
        }
        self.nonsense("takes from an empty stack")
    }

    fn top(&mut self) -> Result<Id> {
        let top = self.pop()?;
        self.stack.push(top);
        Ok(top)
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.nonsense("takes from a mark that is not there"),
        }
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        fill(self.input, &mut self.at, &mut bytes)?;
        Ok(bytes)
    }

    /// A name up to the end of its line.
    fn line(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                byte if bytes.len() < 256 => bytes.push(byte),
                _ => return self.nonsense("has a name of more than 256 bytes"),
            }
        }
    }

    fn nonsense<T>(&self, what: &'static str) -> Result<T> {
        Err(Fault::Nonsense { what, at: self.at.saturating_sub(1) })
    }
}

fn too_many<T>() -> Result<T> {
    Err(Fault::Excess(format!("holds more than {MAX_VALUES} values")))
}

fn fill(input: &mut impl io::Read, at: &mut u64, bytes: &mut [u8]) -> Result<()> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Truncated { at: *at },
        _ => Fault::Read(error),
    })?;
    *at += bytes.len() as u64;
    Ok(())
}
