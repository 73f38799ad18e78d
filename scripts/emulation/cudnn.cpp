// Convolutions by definition, of tensors in whatever order their descriptors say.

#include "gpu.h"

#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))
enum { SUCCESS = 0, BAD_PARAM = 2000, NOT_SUPPORTED = 3000 };

// Sizes and how far neighbors lie apart: of a tensor by sample, channel, row and column, of a filter by output and input
// channel, row and column.
struct Sizes {
    int type = -1;
    size_t sizes[4], strides[4];

    // In the order 0, that of the axes, or 1, with channels last.
    void set(int new_type, int format, int a, int b, int c, int d) {
        type = new_type;
        size_t all[4] = {(size_t)a, (size_t)b, (size_t)c, (size_t)d};
        for (int i = 0; i < 4; i++) sizes[i] = all[i];
        if (format == 0) strides[3] = 1, strides[2] = d, strides[1] = (size_t)c * d, strides[0] = (size_t)b * c * d;
        else strides[1] = 1, strides[3] = b, strides[2] = (size_t)b * d, strides[0] = (size_t)b * c * d;
    }
    size_t at(size_t a, size_t b, size_t c, size_t d) const {
        return a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3];
    }
};

struct Convolution {
    int padding[2], stride[2], mode, compute, math = 0;
};

// As cuDNN's reports have it.
struct Report {
    int algorithm, status;
    float time;
    size_t memory;
    int determinism, math, reserved[3];
};

static bool type_of(const Sizes &sizes, Type &type) {
    if (sizes.type == 0) type = Type::f32;
    else if (sizes.type == 1) type = Type::f64;
    else if (sizes.type == 9) type = Type::bf16;
    else return false;
    return true;
}

// Whether these are the sizes of one convolution.
static bool fits(const Sizes &x, const Sizes &w, const Convolution &conv, const Sizes &y) {
    if (x.type != w.type || x.type != y.type || x.sizes[0] != y.sizes[0]) return false;
    if (w.sizes[0] != y.sizes[1] || w.sizes[1] != x.sizes[1] || conv.mode != 1) return false;
    for (int i = 0; i < 2; i++)
        if (y.sizes[2 + i] != (x.sizes[2 + i] + 2 * conv.padding[i] - w.sizes[2 + i]) / conv.stride[i] + 1) return false;
    return true;
}

static std::vector<double> wide(Type type, const void *values, const Sizes &s) {
    std::vector<double> result(s.sizes[0] * s.sizes[1] * s.sizes[2] * s.sizes[3]);
    size_t i = 0;
    for (size_t a = 0; a < s.sizes[0]; a++)
        for (size_t b = 0; b < s.sizes[1]; b++)
            for (size_t c = 0; c < s.sizes[2]; c++)
                for (size_t d = 0; d < s.sizes[3]; d++) result[i++] = load(type, values, s.at(a, b, c, d));
    return result;
}

static void narrow(Type type, void *values, const Sizes &s, const std::vector<double> &from) {
    size_t i = 0;
    for (size_t a = 0; a < s.sizes[0]; a++)
        for (size_t b = 0; b < s.sizes[1]; b++)
            for (size_t c = 0; c < s.sizes[2]; c++)
                for (size_t d = 0; d < s.sizes[3]; d++) store(type, values, s.at(a, b, c, d), from[i++]);
}

// Goes through all products of a convolution; `which` of x, w and y is the one that they are added to.
static int convolve(
    int which, const Sizes &xs, void *x, const Sizes &ws, void *w, const Convolution &conv, const Sizes &ys, void *y
) {
    Type type;
    if (!fits(xs, ws, conv, ys)) return BAD_PARAM;
    if (!type_of(xs, type)) return NOT_SUPPORTED;
    std::vector<double> xv = wide(type, x, xs), wv = wide(type, w, ws), yv = wide(type, y, ys);
    std::vector<double> &result = which == 0 ? xv : which == 1 ? wv : yv;
    result.assign(result.size(), 0);
    size_t height = xs.sizes[2], width = xs.sizes[3], rows = ys.sizes[2], columns = ys.sizes[3];
    size_t ins = xs.sizes[1], outs = ys.sizes[1], kh = ws.sizes[2], kw = ws.sizes[3];
    for (size_t n = 0; n < xs.sizes[0]; n++)
        for (size_t out = 0; out < outs; out++)
            for (size_t in = 0; in < ins; in++)
                for (size_t r = 0; r < kh; r++)
                    for (size_t s = 0; s < kw; s++) {
                        double &weight = wv[((out * ins + in) * kh + r) * kw + s];
                        for (size_t row = 0; row < rows; row++) {
                            size_t from_row = row * conv.stride[0] + r - conv.padding[0];
                            if (from_row >= height) continue;
                            double *line = &xv[((n * ins + in) * height + from_row) * width];
                            double *target = &yv[((n * outs + out) * rows + row) * columns];
                            for (size_t column = 0; column < columns; column++) {
                                size_t from = column * conv.stride[1] + s - conv.padding[1];
                                if (from >= width) continue;
                                if (which == 0) line[from] += weight * target[column];
                                else if (which == 1) weight += line[from] * target[column];
                                else target[column] += weight * line[from];
                            }
                        }
                    }
    narrow(type, which == 0 ? x : which == 1 ? w : y, which == 0 ? xs : which == 1 ? ws : ys, result);
    return SUCCESS;
}

static const size_t WORKSPACE = 4096;

// Two ways: the first is said to be the faster one and not to give the same bits each time.
static int report(int most, int *count, Report *reports) {
    *count = most < 2 ? most : 2;
    for (int i = 0; i < *count; i++) {
        reports[i] = Report();
        reports[i].algorithm = i;
        reports[i].time = 0.1f * (i + 1);
        reports[i].memory = i * WORKSPACE;
        reports[i].determinism = i;
    }
    return SUCCESS;
}

static int run(
    int which, const void *alpha, const void *beta, int algorithm, size_t bytes, const Sizes *xs, void *x, const Sizes *ws,
    void *w, const Convolution *conv, const Sizes *ys, void *y
) {
    bool is_double = xs->type == 1;
    double one = is_double ? *(const double *)alpha : *(const float *)alpha;
    double zero = is_double ? *(const double *)beta : *(const float *)beta;
    if (one != 1 || zero != 0 || algorithm > 1 || bytes < algorithm * WORKSPACE) return BAD_PARAM;
    bool is_last = xs->strides[1] == 1 && xs->sizes[1] > 1 && xs->sizes[2] * xs->sizes[3] > 1;
    static const char *names[] = {"backward data", "backward filter", "forward"};
    count(std::string("cuDNN ") + names[which] + (is_last ? ", channels last" : ""));
    Type type;
    if (!fits(*xs, *ws, *conv, *ys)) return BAD_PARAM;
    if (!type_of(*xs, type)) return NOT_SUPPORTED;
    ask([=, xs = *xs, ws = *ws, conv = *conv, ys = *ys] { convolve(which, xs, x, ws, w, conv, ys, y); });
    return SUCCESS;
}

API const char *cudnnGetErrorString(int) { return "an error of the emulated cuDNN"; }
API size_t cudnnGetVersion() { return 91300; }
API int cudnnCreate(void **handle) { *handle = (void *)1; return SUCCESS; }
API int cudnnDestroy(void *) { return SUCCESS; }
API int cudnnSetStream(void *, void *) { return SUCCESS; }
API int cudnnCreateTensorDescriptor(Sizes **made) { *made = new Sizes(); return SUCCESS; }
API int cudnnDestroyTensorDescriptor(Sizes *it) { delete it; return SUCCESS; }
API int cudnnSetTensor4dDescriptor(Sizes *it, int format, int type, int n, int c, int h, int w) {
    if (n < 1 || c < 1 || h < 1 || w < 1 || format > 1) return BAD_PARAM;
    it->set(type, format, n, c, h, w);
    return SUCCESS;
}
API int cudnnSetTensor4dDescriptorEx(
    Sizes *it, int type, int n, int c, int h, int w, int ns, int cs, int hs, int ws
) {
    if (n < 1 || c < 1 || h < 1 || w < 1) return BAD_PARAM;
    *it = {type, {(size_t)n, (size_t)c, (size_t)h, (size_t)w}, {(size_t)ns, (size_t)cs, (size_t)hs, (size_t)ws}};
    return SUCCESS;
}
API int cudnnCreateFilterDescriptor(Sizes **made) { *made = new Sizes(); return SUCCESS; }
API int cudnnDestroyFilterDescriptor(Sizes *it) { delete it; return SUCCESS; }
API int cudnnSetFilter4dDescriptor(Sizes *it, int type, int format, int k, int c, int h, int w) {
    return cudnnSetTensor4dDescriptor(it, format, type, k, c, h, w);
}
API int cudnnCreateConvolutionDescriptor(Convolution **made) { *made = new Convolution(); return SUCCESS; }
API int cudnnDestroyConvolutionDescriptor(Convolution *it) { delete it; return SUCCESS; }
API int cudnnSetConvolution2dDescriptor(
    Convolution *it, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int mode, int compute
) {
    if (dilation_h != 1 || dilation_w != 1) return NOT_SUPPORTED;
    *it = {{pad_h, pad_w}, {stride_h, stride_w}, mode, compute};
    return SUCCESS;
}
API int cudnnSetConvolutionMathType(Convolution *it, int math) { it->math = math; return SUCCESS; }
API int cudnnSetConvolutionGroupCount(Convolution *, int groups) { return groups == 1 ? SUCCESS : NOT_SUPPORTED; }

API int cudnnFindConvolutionForwardAlgorithmEx(
    void *, Sizes *xs, void *x, Sizes *ws, void *w, Convolution *conv, Sizes *ys, void *y, int most, int *found,
    Report *reports, void *, size_t
) {
    if (is_captured()) return NOT_SUPPORTED;
    count("cuDNN search");
    int status = convolve(2, *xs, x, *ws, w, *conv, *ys, y);
    return status ? status : report(most, found, reports);
}
API int cudnnFindConvolutionBackwardDataAlgorithmEx(
    void *, Sizes *ws, void *w, Sizes *ys, void *y, Convolution *conv, Sizes *xs, void *x, int most, int *found,
    Report *reports, void *, size_t
) {
    if (is_captured()) return NOT_SUPPORTED;
    count("cuDNN search");
    int status = convolve(0, *xs, x, *ws, w, *conv, *ys, y);
    return status ? status : report(most, found, reports);
}
API int cudnnFindConvolutionBackwardFilterAlgorithmEx(
    void *, Sizes *xs, void *x, Sizes *ys, void *y, Convolution *conv, Sizes *ws, void *w, int most, int *found,
    Report *reports, void *, size_t
) {
    if (is_captured()) return NOT_SUPPORTED;
    count("cuDNN search");
    int status = convolve(1, *xs, x, *ws, w, *conv, *ys, y);
    return status ? status : report(most, found, reports);
}
API int cudnnConvolutionForward(
    void *, const void *alpha, Sizes *xs, void *x, Sizes *ws, void *w, Convolution *conv, int algorithm, void *,
    size_t bytes, const void *beta, Sizes *ys, void *y
) {
    return run(2, alpha, beta, algorithm, bytes, xs, x, ws, w, conv, ys, y);
}
API int cudnnConvolutionBackwardData(
    void *, const void *alpha, Sizes *ws, void *w, Sizes *ys, void *y, Convolution *conv, int algorithm, void *,
    size_t bytes, const void *beta, Sizes *xs, void *x
) {
    return run(0, alpha, beta, algorithm, bytes, xs, x, ws, w, conv, ys, y);
}
API int cudnnConvolutionBackwardFilter(
    void *, const void *alpha, Sizes *xs, void *x, Sizes *ys, void *y, Convolution *conv, int algorithm, void *,
    size_t bytes, const void *beta, Sizes *ws, void *w
) {
    return run(1, alpha, beta, algorithm, bytes, xs, x, ws, w, conv, ys, y);
}
// A workspace belongs to an algorithm.
static int workspace(const Sizes *xs, const Sizes *ws, const Convolution *conv, const Sizes *ys, int algorithm, size_t *bytes) {
    if (!fits(*xs, *ws, *conv, *ys)) return BAD_PARAM;
    if (algorithm > 1) return NOT_SUPPORTED;
    *bytes = algorithm * WORKSPACE;
    return SUCCESS;
}
API int cudnnGetConvolutionForwardWorkspaceSize(
    void *, Sizes *xs, Sizes *ws, Convolution *conv, Sizes *ys, int algorithm, size_t *bytes
) {
    return workspace(xs, ws, conv, ys, algorithm, bytes);
}
API int cudnnGetConvolutionBackwardDataWorkspaceSize(
    void *, Sizes *ws, Sizes *ys, Convolution *conv, Sizes *xs, int algorithm, size_t *bytes
) {
    return workspace(xs, ws, conv, ys, algorithm, bytes);
}
API int cudnnGetConvolutionBackwardFilterWorkspaceSize(
    void *, Sizes *xs, Sizes *ys, Convolution *conv, Sizes *ws, int algorithm, size_t *bytes
) {
    return workspace(xs, ws, conv, ys, algorithm, bytes);
}
