// Leaky ReLU. Launches: a thread for four values.

// y = x where x >= 0, else slope * x
extern "C" __global__ void leaky_relu(const value *x, value *y, uint len, double slope) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(x, i, len);
    for (int k = 0; k < 4; k++) v.at[k] = v.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
    store(y, i, len, v);
}

// dx = g where y >= 0, else slope * g
extern "C" __global__ void masked(const value *g, const value *y, value *dx, uint len, double slope) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(g, i, len), sign = load(y, i, len);
    for (int k = 0; k < 4; k++) v.at[k] = sign.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
    store(dx, i, len, v);
}

// dx = g where y > 0, else 0
extern "C" __global__ void relu_grad(const value *g, const value *y, value *dx, uint len) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(g, i, len), sign = load(y, i, len);
    for (int k = 0; k < 4; k++) v.at[k] = sign.at[k] > 0 ? v.at[k] : 0;
    store(dx, i, len, v);
}
