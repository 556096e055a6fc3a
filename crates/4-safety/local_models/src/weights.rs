//! The file's metadata and matrices.
//!
//! Whatever the file is quantised with becomes Q8_0 at load: candle has vector code for it on every x86-64 with AVX2
//! (for Q4_1, which the shipped model uses, it has none), and nothing is lost by going from four bits to eight.

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use candle_core::{
    Device, Module, Tensor,
    quantized::{GgmlDType, QMatMul, QTensor, gguf_file},
};

use crate::Error;

/// An open file.
pub(crate) struct Gguf {
    content: gguf_file::Content,
    reader: BufReader<File>,
}

/// A matrix that is multiplied with.
pub(crate) struct Matrix {
    inner: QMatMul,
    columns: usize,
}

impl Matrix {
    fn new(tensor: QTensor) -> Result<Self, Error> {
        let columns = tensor.shape().dims2()?.1;
        Ok(Self { inner: QMatMul::from_qtensor(tensor)?, columns })
    }

    /// Every row of `rows` (each as long as the matrix has columns) times the transposed matrix.
    pub fn times(&self, rows: Vec<f32>) -> Result<Vec<f32>, Error> {
        let count = rows.len() / self.columns;
        let rows = Tensor::from_vec(rows, (count, self.columns), &Device::Cpu)?;
        Ok(self.inner.forward(&rows)?.flatten_all()?.to_vec1()?)
    }
}

/// The embeddings of tokens; also what the last state is multiplied with when the file ties the two.
pub(crate) struct Embeddings {
    tensor: Arc<QTensor>,
    columns: usize,
}

impl Embeddings {
    /// The rows of `tokens`, one after another.
    pub fn of(&self, tokens: &[u32]) -> Result<Vec<f32>, Error> {
        let data = self.tensor.data()?;
        let row_bytes = self.columns / GgmlDType::Q8_0.block_size() * GgmlDType::Q8_0.type_size();
        let mut bytes = Vec::with_capacity(tokens.len() * row_bytes);
        for &token in tokens {
            let start = token as usize * row_bytes;
            let row = data.get(start..start + row_bytes).ok_or(damaged("a token has no embedding"))?;
            bytes.extend_from_slice(row);
        }
        let storage = candle_core::quantized::QStorage::from_data(bytes.into(), &Device::Cpu, GgmlDType::Q8_0)?;
        let rows = QTensor::new(storage, (tokens.len(), self.columns))?;
        Ok(rows.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()?)
    }
}

fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned() }
}

impl Gguf {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source: Arc::new(source) };
        let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
        let content = gguf_file::Content::read(&mut reader).map_err(|_| damaged("it is not a GGUF file"))?;
        Ok(Self { content, reader })
    }

    fn value(&self, key: &str) -> Result<&gguf_file::Value, Error> {
        self.content.metadata.get(key).ok_or_else(|| Error::Missing { key: key.to_owned() })
    }
    pub fn text(&self, key: &str) -> Result<&str, Error> {
        Ok(self.value(key)?.to_string().map_err(|_| damaged(key))?)
    }
    pub fn number(&self, key: &str) -> Result<usize, Error> {
        Ok(self.value(key)?.to_u32().map_err(|_| damaged(key))? as usize)
    }
    pub fn float(&self, key: &str) -> Result<f32, Error> {
        self.value(key)?.to_f32().map_err(|_| damaged(key))
    }
    pub fn texts(&self, key: &str) -> Result<Vec<String>, Error> {
        let all = self.value(key)?.to_vec().map_err(|_| damaged(key))?;
        all.iter().map(|text| text.to_string().cloned().map_err(|_| damaged(key))).collect()
    }
    pub fn numbers(&self, key: &str) -> Result<Vec<i64>, Error> {
        let all = self.value(key)?.to_vec().map_err(|_| damaged(key))?;
        let number = |value: &gguf_file::Value| match value {
            gguf_file::Value::I32(number) => Ok(i64::from(*number)),
            gguf_file::Value::U32(number) => Ok(i64::from(*number)),
            _ => Err(damaged(key)),
        };
        all.iter().map(number).collect()
    }
    pub fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    fn floats(&mut self, name: &str) -> Result<Tensor, Error> {
        if !self.has_tensor(name) {
            return Err(Error::Missing { key: name.to_owned() });
        }
        let tensor = self.content.tensor(&mut self.reader, name, &Device::Cpu)?;
        Ok(tensor.dequantize(&Device::Cpu)?)
    }

    /// A vector, such as the weights of a norm.
    pub fn vector(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        Ok(self.floats(name)?.flatten_all()?.to_vec1()?)
    }

    /// Several matrices on top of each other, as one, so that they are multiplied in one go.
    pub fn matrix(&mut self, names: &[String]) -> Result<Matrix, Error> {
        let parts = names.iter().map(|name| self.floats(name)).collect::<Result<Vec<_>, _>>()?;
        Matrix::new(QTensor::quantize(&Tensor::cat(&parts, 0)?, GgmlDType::Q8_0)?)
    }

    /// The embeddings, and the matrix that turns the last state into scores.
    pub fn ends(&mut self) -> Result<(Embeddings, Matrix), Error> {
        let tensor = self.content.tensor(&mut self.reader, "token_embd.weight", &Device::Cpu)?;
        let tensor = match tensor.dtype() {
            GgmlDType::Q8_0 => tensor,
            _ => QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?,
        };
        let columns = tensor.shape().dims2()?.1;
        let tensor = Arc::new(tensor);
        let embeddings = Embeddings { tensor: tensor.clone(), columns };
        let output = match self.has_tensor("output.weight") {
            true => self.matrix(&["output.weight".to_owned()])?,
            false => Matrix { inner: QMatMul::from_arc(tensor)?, columns },
        };
        Ok((embeddings, output))
    }
}
