// Several tensors in one, scaled and rounded on their way. Launches: a row of blocks for each tensor.

static __device__ __forceinline__ real scale_of(const Row &row) {
    return (real)__longlong_as_double((long long)row.at[2]);
}

// Of each row where values come from and where they go, and the bits of a number in double precision that they are
// multiplied by on their way.
extern "C" __global__ void gathered(Table table) {
    const Row row = table.rows[blockIdx.y];
    value *to = (value *)row.at[1];
    for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len; i += gridDim.x * blockDim.x)
        to[i] = row.at[0][i] * scale_of(row);
}

// The other way.
extern "C" __global__ void scattered(Table table) {
    const Row row = table.rows[blockIdx.y];
    const value *from = (const value *)row.at[0];
    for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len; i += gridDim.x * blockDim.x)
        row.at[1][i] = (real)from[i] * scale_of(row);
}
