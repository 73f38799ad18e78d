// What an optimizer does to the weights, in place. Launches: a thread for four values.

// v = beta2 v + (1 - beta2) g², m = beta1 m + (1 - beta1) g, p -= step m / (sqrt(v) + epsilon); without m, g is m.
extern "C" __global__ void adam(
    real *p, real *m, real *v, const real *g, uint len,
    double beta1, double beta2, double epsilon, double step
) {
    uint i = first_of_four();
    if (i >= len) return;
    Four weight = load(p, i, len), second = load(v, i, len), first = load(g, i, len);
    for (int k = 0; k < 4; k++)
        second.at[k] = (real)beta2 * second.at[k] + (real)(1 - beta2) * (first.at[k] * first.at[k]);
    store(v, i, len, second);
    if (m) {
        Four moment = load(m, i, len);
        for (int k = 0; k < 4; k++)
            first.at[k] = (real)beta1 * moment.at[k] + (real)(1 - beta1) * first.at[k];
        store(m, i, len, first);
    }
    for (int k = 0; k < 4; k++)
        weight.at[k] -= (real)step * first.at[k] / (sqrt(second.at[k]) + (real)epsilon);
    store(p, i, len, weight);
}

// ema = live + (ema - live) * beta
extern "C" __global__ void ema(real *average, const real *live, uint len, double beta) {
    uint i = first_of_four();
    if (i >= len) return;
    Four a = load(average, i, len), b = load(live, i, len);
    for (int k = 0; k < 4; k++) a.at[k] = b.at[k] + (a.at[k] - b.at[k]) * (real)beta;
    store(average, i, len, a);
}

// -limit ..= limit; what is not a number stays so.
extern "C" __global__ void clamp(real *p, uint len, double limit) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(p, i, len);
    for (int k = 0; k < 4; k++) {
        real low = (real)-limit, high = (real)limit;
        v.at[k] = v.at[k] < low ? low : v.at[k] > high ? high : v.at[k];
    }
    store(p, i, len, v);
}

// Sets `found` to one if a value is infinite or no number.
extern "C" __global__ void find_not_finite(const real *x, uint len, uint *found) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(x, i, len);
    bool is_finite = true;
    for (int k = 0; k < 4; k++) is_finite &= v.at[k] - v.at[k] == 0;
    if (!is_finite) *found = 1;
}
