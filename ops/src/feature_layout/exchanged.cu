// Matrices with rows and columns exchanged, which is what planes and channels that lie one behind the other are to each
// other.

// Rows and columns that a block exchanges.
#define TILE 32

// The tile of this block, of y[column * to + row] = x[row * from + column]. Launch: a block of 32 by 8 threads for each 32
// by 32 values, by columns and rows.
static __device__ void exchange_tile(const value *x, value *y, uint rows, uint columns, uint from, uint to) {
    __shared__ real tile[TILE][TILE + 1];
    uint left = blockIdx.x * TILE, top = blockIdx.y * TILE;
    for (uint i = threadIdx.y; i < TILE; i += blockDim.y)
        if (top + i < rows && left + threadIdx.x < columns)
            tile[i][threadIdx.x] = x[(size_t)(top + i) * from + left + threadIdx.x];
    __syncthreads();
    for (uint i = threadIdx.y; i < TILE; i += blockDim.y)
        if (left + i < columns && top + threadIdx.x < rows)
            y[(size_t)(left + i) * to + top + threadIdx.x] = tile[threadIdx.x][i];
    __syncthreads();
}

// Rows and columns of `count` matrices exchanged.
extern "C" __global__ void exchanged(const value *x, value *y, uint count, uint rows, uint columns) {
    for (uint i = blockIdx.z; i < count; i += gridDim.z) {
        size_t start = (size_t)i * rows * columns;
        exchange_tile(x + start, y + start, rows, columns, columns, rows);
    }
}
