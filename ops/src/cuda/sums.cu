// Sums over planes.
//
// A plane is cut into `splits` parts of `part` values, a multiple of four, the last of which may be shorter. Launches: a
// block of whole warps for each part of each plane, `splits` blocks one behind the other. What a block finds out about
// its part stands in `partials`, in double precision, and those who need the plane's put the parts together.

// Where the numbers of part `split` of a plane lie.
static __device__ __forceinline__ double *partial(double *partials, Part p, uint splits, int numbers) {
    return partials + ((size_t)p.plane * splits + p.split) * numbers;
}

// partials: [planes, splits] sums
extern "C" __global__ void plane_sums(const value *x, double *partials, uint area, uint part, uint splits) {
    Part p = part_of(area, part, splits);
    x += (size_t)p.plane * area;
    real sum = 0;
    for (uint i = p.start + 4 * threadIdx.x; i < p.end; i += 4 * blockDim.x) {
        Four v = load(x, i, p.end);
        sum += (v.at[0] + v.at[1]) + (v.at[2] + v.at[3]);
    }
    double total[1] = {(double)sum};
    block_sums(total);
    if (threadIdx.x == 0) *partial(partials, p, splits, 1) = total[0];
}

// y[group * group_stride + kind * kind_stride]: the sum over the parts of planes `group`, `group + groups`, ... of
// partials [planes, splits, kinds]. Launch: a warp for each group.
extern "C" __global__ void totals(
    const double *partials, value *y, uint groups, uint members, uint splits, uint kinds,
    uint group_stride, uint kind_stride
) {
    uint group = blockIdx.x;
    for (uint kind = 0; kind < kinds; kind++) {
        double sum = 0;
        for (uint i = threadIdx.x; i < members * splits; i += 32) {
            size_t plane = group + (size_t)(i / splits) * groups;
            sum += partials[(plane * splits + i % splits) * kinds + kind];
        }
        for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
        if (threadIdx.x == 0) y[group * group_stride + kind * kind_stride] = (real)sum;
    }
}
