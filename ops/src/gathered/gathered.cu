// Several tensors in one, scaled, rounded and laid out on their way. Launches: a row of blocks for each tensor.

static __device__ __forceinline__ real scale_of(const Row &row) {
    return (real)__longlong_as_double((long long)row.at[2]);
}

// Of each row where values come from and where they go, the bits of a number in double precision that they are multiplied by
// on their way, and for the weights of a convolution how many input channels it has, in the upper half, and places of the
// kernel: [in, places] becomes [places, in].
extern "C" __global__ void gathered(Table table) {
    const Row row = table.rows[blockIdx.y];
    value *to = (value *)row.at[1];
    const uint ins = (uint)((size_t)row.at[3] >> 32), places = (uint)(size_t)row.at[3];
    const real scale = scale_of(row);
    if (places <= 1) {
        for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len; i += gridDim.x * blockDim.x)
            to[i] = row.at[0][i] * scale;
        return;
    }
    for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len / places; i += gridDim.x * blockDim.x) {
        const real *from = row.at[0] + (size_t)i * places;
        value *first = to + (size_t)(i / ins) * ins * places + i % ins;
#pragma unroll 9
        for (uint place = 0; place < places; place++) first[place * ins] = from[place] * scale;
    }
}

// The other way.
extern "C" __global__ void scattered(Table table) {
    const Row row = table.rows[blockIdx.y];
    const value *from = (const value *)row.at[0];
    const uint ins = (uint)((size_t)row.at[3] >> 32), places = (uint)(size_t)row.at[3];
    const real scale = scale_of(row);
    if (places <= 1) {
        for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len; i += gridDim.x * blockDim.x)
            row.at[1][i] = (real)from[i] * scale;
        return;
    }
    for (uint i = blockIdx.x * blockDim.x + threadIdx.x; i < row.len / places; i += gridDim.x * blockDim.x) {
        const value *first = from + (size_t)(i / ins) * ins * places + i % ins;
        real *to = row.at[1] + (size_t)i * places;
#pragma unroll 9
        for (uint place = 0; place < places; place++) to[place] = (real)first[place * ins] * scale;
    }
}
