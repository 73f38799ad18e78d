// What an optimizer does to the weights, in place, and what decides whether it does. Most launches are for many tensors at
// once: a row of blocks for each, whose threads take four values at a time until none are left.

// The steps of Adam: those done, the size of the present one, whether that is skipped, and whether a number was
// found that is not finite.
struct AdamSteps {
    double done, size, is_skipped, found;
};

static __device__ __forceinline__ uint next_four(uint i) { return i + 4 * gridDim.x * blockDim.x; }

// Sets `found` to one if a value is infinite or no number.
extern "C" __global__ void find_not_finite(Table table, double *found) {
    const Row row = table.rows[blockIdx.y];
    bool is_finite = true;
    for (uint i = first_of_four(); i < row.len; i = next_four(i)) {
        Four v = load(row.at[0], i, row.len);
        for (int k = 0; k < 4; k++) is_finite &= v.at[k] - v.at[k] == 0;
    }
    if (!is_finite) *found = 1;
}

// One thread: counts one more step, unless a number was found that is not finite.
extern "C" __global__ void advance(AdamSteps *steps, double beta1, double beta2, double rate) {
    steps->is_skipped = steps->found;
    steps->found = 0;
    if (steps->is_skipped) return;
    steps->done += 1;
    steps->size = rate * (sqrt(1 - pow(beta2, steps->done)) / (1 - pow(beta1, steps->done)));
}

// Of each row p, m, v, g: v = beta2 v + (1 - beta2) g², m = beta1 m + (1 - beta1) g, p -= size m / (sqrt(v) + epsilon);
// without m, g is m.
extern "C" __global__ void adam(Table table, const AdamSteps *steps, double beta1, double beta2, double epsilon) {
    if (steps->is_skipped) return;
    const Row row = table.rows[blockIdx.y];
    real *p = row.at[0], *m = row.at[1], *v = row.at[2], *g = row.at[3], size = (real)steps->size;
    for (uint i = first_of_four(); i < row.len; i = next_four(i)) {
        Four weight = load(p, i, row.len), second = load(v, i, row.len), first = load(g, i, row.len);
        for (int k = 0; k < 4; k++)
            second.at[k] = (real)beta2 * second.at[k] + (real)(1 - beta2) * (first.at[k] * first.at[k]);
        store(v, i, row.len, second);
        if (m) {
            Four moment = load(m, i, row.len);
            for (int k = 0; k < 4; k++)
                first.at[k] = (real)beta1 * moment.at[k] + (real)(1 - beta1) * first.at[k];
            store(m, i, row.len, first);
        }
        for (int k = 0; k < 4; k++)
            weight.at[k] -= size * first.at[k] / (sqrt(second.at[k]) + (real)epsilon);
        store(p, i, row.len, weight);
    }
}

// Of each row an average and what lives: average = live + (average - live) * beta
extern "C" __global__ void ema(Table table, double beta) {
    const Row row = table.rows[blockIdx.y];
    for (uint i = first_of_four(); i < row.len; i = next_four(i)) {
        Four a = load(row.at[0], i, row.len), b = load(row.at[1], i, row.len);
        for (int k = 0; k < 4; k++) a.at[k] = b.at[k] + (a.at[k] - b.at[k]) * (real)beta;
        store(row.at[0], i, row.len, a);
    }
}

// -limit ..= limit, unless the step was skipped; what is not a number stays so.
extern "C" __global__ void clamp(Table table, const AdamSteps *steps, double limit) {
    if (steps->is_skipped) return;
    const Row row = table.rows[blockIdx.y];
    real low = (real)-limit, high = (real)limit;
    for (uint i = first_of_four(); i < row.len; i = next_four(i)) {
        Four v = load(row.at[0], i, row.len);
        for (int k = 0; k < 4; k++) v.at[k] = v.at[k] < low ? low : v.at[k] > high ? high : v.at[k];
        store(row.at[0], i, row.len, v);
    }
}

// Rows of one value each. sums: iterations, steps skipped, then the sum of each row, in single precision; an iteration
// with a skipped step is in none.
extern "C" __global__ void tally(Table table, const AdamSteps *first, const AdamSteps *second, double *sums) {
    if (threadIdx.x != 0) return;
    double skipped = first->is_skipped + second->is_skipped;
    if (blockIdx.y == 0) {
        sums[0] += skipped == 0;
        sums[1] += skipped;
    }
    double *sum = sums + 2 + blockIdx.y;
    if (skipped == 0) *sum = (float)*sum + (float)*table.rows[blockIdx.y].at[0];
}
