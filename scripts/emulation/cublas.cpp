// Products of matrices by definition, and the random numbers that candle makes ready and nobody draws.

#include "gpu.h"

#include <vector>

#define API extern "C" __attribute__((visibility("default")))

// A matrix whose columns of `stride` values lie one behind the other, or its transpose.
struct Matrix {
    Type type;
    const void *values;
    size_t stride, start;
    bool is_transposed;

    double at(size_t row, size_t column) const {
        return load(type, values, start + (is_transposed ? row * stride + column : column * stride + row));
    }
};

static bool type_of(int number, Type &type) {
    if (number == 0) type = Type::f32;
    else if (number == 1) type = Type::f64;
    else if (number == 14) type = Type::bf16;
    else return false;
    return true;
}

static void multiply(
    Matrix a, Matrix b, Type type, void *c, size_t c_stride, size_t c_start, int m, int n, int k, double alpha, double beta
) {
    for (int column = 0; column < n; column++)
        for (int row = 0; row < m; row++) {
            double sum = 0;
            for (int i = 0; i < k; i++) sum += a.at(row, i) * b.at(i, column);
            size_t place = c_start + column * c_stride + row;
            sum *= alpha;
            store(type, c, place, beta == 0 ? sum : sum + beta * load(type, c, place));
        }
}

static int batched(
    int transa, int transb, int m, int n, int k, double alpha, const void *a, int a_type, int lda, long long a_step,
    const void *b, int b_type, int ldb, long long b_step, double beta, void *c, int c_type, int ldc, long long c_step,
    int batch
) {
    Type ta, tb, tc;
    if (!type_of(a_type, ta) || !type_of(b_type, tb) || !type_of(c_type, tc)) return 15;
    if (m < 0 || n < 0 || k < 0 || ldc < m || lda < (transa ? k : m) || ldb < (transb ? n : k)) return 7;
    count("cuBLAS product");
    ask([=] {
        for (int i = 0; i < batch; i++)
            multiply(
                {ta, a, (size_t)lda, (size_t)(i * a_step), transa != 0},
                {tb, b, (size_t)ldb, (size_t)(i * b_step), transb != 0}, tc, c, ldc, i * c_step, m, n, k, alpha, beta
            );
    });
    return 0;
}

// Products in double precision have factors in double precision.
static double factor(int compute, const void *value) {
    return compute == 70 || compute == 71 ? *(const double *)value : *(const float *)value;
}

API int cublasCreate_v2(void **handle) { *handle = (void *)1; return 0; }
API int cublasDestroy_v2(void *) { return 0; }
API int cublasSetStream_v2(void *, void *) { return 0; }
API int cublasSetWorkspace_v2(void *, void *, size_t) { return 0; }
API const char *cublasGetStatusName(int) { return "an error of the emulated cuBLAS"; }
API int cublasGemmEx(
    void *, int transa, int transb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda,
    const void *b, int b_type, int ldb, const void *beta, void *c, int c_type, int ldc, int compute, int
) {
    return batched(
        transa, transb, m, n, k, factor(compute, alpha), a, a_type, lda, 0, b, b_type, ldb, 0, factor(compute, beta), c,
        c_type, ldc, 0, 1
    );
}
API int cublasGemmStridedBatchedEx(
    void *, int transa, int transb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda,
    long long a_step, const void *b, int b_type, int ldb, long long b_step, const void *beta, void *c, int c_type, int ldc,
    long long c_step, int batch, int compute, int
) {
    return batched(
        transa, transb, m, n, k, factor(compute, alpha), a, a_type, lda, a_step, b, b_type, ldb, b_step,
        factor(compute, beta), c, c_type, ldc, c_step, batch
    );
}
API int cublasDgemmStridedBatched(
    void *, int transa, int transb, int m, int n, int k, const double *alpha, const double *a, int lda, long long a_step,
    const double *b, int ldb, long long b_step, const double *beta, double *c, int ldc, long long c_step, int batch
) {
    return batched(transa, transb, m, n, k, *alpha, a, 1, lda, a_step, b, 1, ldb, b_step, *beta, c, 1, ldc, c_step, batch);
}

API int curandCreateGenerator(void **generator, int) { *generator = (void *)1; return 0; }
API int curandSetPseudoRandomGeneratorSeed(void *, unsigned long long) { return 0; }
API int curandSetStream(void *, void *) { return 0; }
API int curandDestroyGenerator(void *) { return 0; }
