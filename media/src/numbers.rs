//! Pictures as numbers, for programs that go on with them.

use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::json;

use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;

/// A safetensors file with one tensor, `images [count, channels, height, width]` of f32: what a network draws, neither clamped
/// nor quantized.
///
/// It is written picture by picture, so that all of them need not fit into memory. The file is there as a whole after
/// [`NumbersWriter::finish`], or not at all.
#[derive(Debug)]
pub struct NumbersWriter {
    file: NewFile,
    /// `[count, channels, height, width]`
    shape: [usize; 4],
    added: usize,
}

impl NumbersWriter {
    /// Begins a file of pictures of this shape, `[count, channels, height, width]`.
    ///
    /// # Errors
    /// If the file exists and `overwrite` does not allow that, or it cannot be written.
    pub fn create(path: &Path, shape: [usize; 4], overwrite: bool) -> Result<Self, Error> {
        let mut file = NewFile::create(path, overwrite)?;
        let bytes = shape.iter().product::<usize>() * size_of::<f32>();
        let tensor = json!({ "dtype": "F32", "shape": shape, "data_offsets": [0, bytes] });
        let mut header = json!({ "images": tensor }).to_string();
        // The numbers start at a multiple of eight.
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        file.write_all(&(header.len() as u64).to_le_bytes())
            .and_then(|()| file.write_all(header.as_bytes()))
            .map_err(|error| FileErrorKind::Write(error).at(path))?;
        Ok(Self { file, shape, added: 0 })
    }

    /// Adds pictures.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// If they are of another shape or too many, or cannot be written.
    pub fn add(&mut self, images: &Tensor) -> Result<(), Error> {
        let [count, rest @ ..] = self.shape;
        match images.dims() {
            [batch, of_one @ ..] if of_one == rest => self.added += batch,
            shape => return Err(Error::Shape { shape: shape.to_vec() }),
        }
        if self.added > count {
            return Err(self.miscounted());
        }
        let numbers =
            images.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        for number in numbers {
            self.file
                .write_all(&number.to_le_bytes())
                .map_err(|error| FileErrorKind::Write(error).at(self.file.path()))?;
        }
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If pictures are missing, or the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        if self.added != self.shape[0] {
            return Err(self.miscounted());
        }
        self.file.finish()
    }

    fn miscounted(&self) -> Error {
        FileErrorKind::PictureCount { found: self.added, expected: self.shape[0] }.at(self.file.path())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use safetensors::SafeTensors;

    use super::*;

    fn images(batch: usize) -> Tensor {
        let numbers: Vec<f64> = (0..batch * 3 * 2 * 5).map(|i| f64::from(i as u32) / 7.0 - 2.0).collect();
        Tensor::from_vec(numbers, (batch, 3, 2, 5), &Device::Cpu).unwrap()
    }

    #[test]
    fn numbers_come_back_as_they_were_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.safetensors");
        let mut writer = NumbersWriter::create(&path, [3, 3, 2, 5], false).unwrap();
        let images = images(3);
        writer.add(&images.narrow(0, 0, 2).unwrap()).unwrap();
        writer.add(&images.narrow(0, 2, 1).unwrap()).unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.names(), ["images"]);
        let tensor = file.tensor("images").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (safetensors::Dtype::F32, &[3, 3, 2, 5][..]));
        let expected: Vec<u8> = images
            .to_dtype(DType::F32)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        assert_eq!(tensor.data(), expected);
    }

    #[test]
    fn what_was_not_announced_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.safetensors");
        let create = |count| NumbersWriter::create(&path, [count, 3, 2, 5], false).unwrap();
        let error = create(2).add(&images(3)).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` is for 2 pictures, not 3", path.display()));
        let mut short = create(2);
        short.add(&images(1)).unwrap();
        let error = short.finish().unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` is for 2 pictures, not 1", path.display()));
        let turned = images(1).transpose(2, 3).unwrap();
        assert!(matches!(create(1).add(&turned), Err(Error::Shape { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, "precious").unwrap();
        let error = NumbersWriter::create(&path, [1, 3, 2, 5], false).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` exists; nothing was overwritten", path.display()));
    }
}
