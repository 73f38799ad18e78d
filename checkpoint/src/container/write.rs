//! Writing a file.

use std::cmp::Reverse;
use std::io::{self, BufWriter, Write};

use candle_core::{Device, Tensor};

use super::checksum::{CHECKSUM, Checksum};
use super::dtype::file_type;
use super::header::{self, Entry, Texts};
use crate::ErrorKind;

/// A file about to be written.
pub(crate) struct Encoded {
    header: Vec<u8>,
    tensors: Vec<(String, Tensor)>,
    pub(crate) checksum: String,
}

impl Encoded {
    /// A file of these texts and tensors, which are in main memory. The same ones give the same bytes.
    pub(crate) fn new(mut texts: Texts, mut tensors: Vec<(String, Tensor)>) -> Result<Self, ErrorKind> {
        // Larger types first, so that each stands at a multiple of its size.
        tensors.sort_by(|(name, tensor), (other_name, other)| {
            let size = |tensor: &Tensor| Reverse(tensor.dtype().size_in_bytes());
            size(tensor).cmp(&size(other)).then_with(|| name.cmp(other_name))
        });
        let mut entries = Vec::with_capacity(tensors.len());
        let mut start = 0;
        for (name, tensor) in &tensors {
            let Some(dtype) = file_type(tensor.dtype()) else {
                return Err(ErrorKind::Type { name: name.clone(), found: format!("{:?}", tensor.dtype()) });
            };
            let end = start + tensor.elem_count() * tensor.dtype().size_in_bytes();
            entries.push(Entry { name, dtype, shape: tensor.dims(), offsets: (start, end) });
            start = end;
        }
        let mut sum = Checksum::of_header(&texts, entries.clone());
        let mut buffered = BufWriter::with_capacity(1 << 16, &mut sum);
        for (_, tensor) in &tensors {
            tensor.write_bytes(&mut buffered)?;
        }
        buffered.flush().map_err(candle_core::Error::from)?;
        drop(buffered);
        let checksum = sum.finish();
        texts.insert(CHECKSUM.to_owned(), checksum.clone());
        let header = header::encode(&texts, &entries).map_err(candle_core::Error::wrap)?;
        drop(entries);
        Ok(Self { header, tensors, checksum })
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = out;
        out.write_all(&self.header)?;
        for (_, tensor) in &self.tensors {
            match tensor.write_bytes(&mut out) {
                Ok(()) => {}
                Err(candle_core::Error::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(())
    }
}

/// The values of a tensor in main memory, whatever happens to the tensor.
pub(crate) fn copied(tensor: &Tensor) -> candle_core::Result<Tensor> {
    // On the CPU `to_device` hands out the same storage again.
    if tensor.device().is_cpu() { tensor.copy() } else { tensor.to_device(&Device::Cpu) }
}
