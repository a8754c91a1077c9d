/* What one pass over the inputs costs: each loss fused into one loop, on one thread.
   Compiled for REAL float and double with flags that give up what lossapi promises (NaN,
   infinities, the last digits), so that it is a floor and no contender. */

#include <math.h>
#include <tgmath.h>

#define LOSS(NAME, ...)                                                                            \
    double NAME##_value(const REAL *restrict first, const REAL *restrict second, long n, REAL c) { \
        double total = 0;                                                                          \
        for (long i = 0; i < n; i++) {                                                             \
            const REAL p = first[i], t = second[i];                                                \
            REAL loss, slope;                                                                      \
            __VA_ARGS__                                                                            \
            (void)slope;                                                                           \
            total += loss;                                                                         \
        }                                                                                          \
        return total / n;                                                                          \
    }                                                                                              \
    double NAME##_value_and_grad(const REAL *restrict first, const REAL *restrict second, long n,  \
                                 REAL c, REAL *restrict gradient) {                                \
        const REAL share = 1 / (REAL)n;                                                            \
        double total = 0;                                                                          \
        for (long i = 0; i < n; i++) {                                                             \
            const REAL p = first[i], t = second[i];                                                \
            REAL loss, slope;                                                                      \
            __VA_ARGS__                                                                            \
            total += loss;                                                                         \
            gradient[i] = slope * share;                                                           \
        }                                                                                          \
        return total / n;                                                                          \
    }

#define ONE ((REAL)1)
#define TWO ((REAL)2)
#define HALF ((REAL)0.5)

LOSS(squared_error, const REAL r = p - t; loss = r * r; slope = TWO * r;)

LOSS(huber_loss, const REAL r = p - t; const REAL a = fabs(r); const REAL m = a < c ? a : c;
     loss = m * (a - HALF * m); const REAL l = r < -c ? -c : r;
     slope = l > c ? c : l;)

/* The sign as a number: the compiler leaves nested choices as branches, ten times slower. */
LOSS(quantile_loss, const REAL r = p - t; const REAL s = (REAL)((r > 0) - (r < 0));
     slope = HALF * s + (HALF - c) * s * s; loss = slope * r;)

LOSS(log_cosh, const REAL r = p - t; const REAL e = exp(-TWO * fabs(r));
     loss = fabs(r) + log(HALF + HALF * e); const REAL h = (ONE - e) / (ONE + e);
     slope = r < 0 ? -h : h;)

LOSS(sigmoid_binary_cross_entropy, const REAL e = exp(-fabs(p)); const REAL q = ONE / (ONE + e);
     loss = (p > 0 ? p : 0) - p * t + log(ONE + e); slope = (p > 0 ? q : e * q) - t;)

LOSS(sigmoid_focal_loss, const REAL s = ONE - TWO * t; const REAL z = s * p;
     const REAL e = exp(-fabs(z)); const REAL q = ONE / (ONE + e);
     const REAL w = z > 0 ? q : e * q; /* the probability of the wrong answer; gamma is 2 */
     const REAL l = (z > 0 ? z : 0) + log(ONE + e); loss = w * w * l;
     slope = s * w * w * (TWO * (ONE - w) * l + w);)

/* Entries of distributions; the mean over rows is theirs times the number of classes, c. */
LOSS(kl_divergence, loss = c * t * log(t / p); slope = -c * t / p;)

double gaussian_nll_value(const REAL *restrict mean, const REAL *restrict variance,
                          const REAL *restrict target, long n, REAL c) {
    double total = 0;
    for (long i = 0; i < n; i++) {
        const REAL r = mean[i] - target[i], v = variance[i];
        total += HALF * (log((REAL)6.283185307179586 * v) + r * r / v);
    }
    return total / n;
}

double gaussian_nll_value_and_grad(const REAL *restrict mean, const REAL *restrict variance,
                                   const REAL *restrict target, long n, REAL c,
                                   REAL *restrict by_mean, REAL *restrict by_variance) {
    const REAL share = 1 / (REAL)n;
    double total = 0;
    for (long i = 0; i < n; i++) {
        const REAL r = mean[i] - target[i], v = variance[i], u = ONE / v;
        total += HALF * (log((REAL)6.283185307179586 * v) + r * r * u);
        by_mean[i] = r * u * share;
        by_variance[i] = HALF * (ONE - r * r * u) * u * share;
    }
    return total / n;
}
