/* Losses written by hand, one example at a time: what a library would bring instead.
 *
 * A function reads the inputs of one example, each `size` numbers, and the one parameter of its
 * loss, and writes its results: one number, or a gradient of the size of its input. */
#ifndef LOSSES_H
#define LOSSES_H

#include <math.h>
#include <stddef.h>

typedef void compute(const double *const *in, size_t size, double parameter, double *out);

struct loss {
    const char *name, *inputs[2], *parameter;
    double usual; /* the parameter's default */
    compute *value, *gradient[2];
};

/* --- squared error */

static void squared_error(const double *const *in, size_t size, double none, double *out)
{
    (void)size, (void)none;
    *out = (*in[0] - *in[1]) * (*in[0] - *in[1]);
}

static void squared_error_by_prediction(const double *const *in, size_t size, double none,
                                        double *out)
{
    (void)size, (void)none;
    *out = 2 * (*in[0] - *in[1]);
}

static void squared_error_by_target(const double *const *in, size_t size, double none, double *out)
{
    (void)size, (void)none;
    *out = 2 * (*in[1] - *in[0]);
}

/* --- Huber loss */

static double clipped(double residual, double delta)
{
    return residual >= delta ? delta : residual <= -delta ? -delta : residual;
}

static void huber_loss(const double *const *in, size_t size, double delta, double *out)
{
    (void)size;
    const double residual = *in[0] - *in[1];
    /* With the slope s, the residual r clipped to delta: s (r - s/2) is r²/2 or δ (|r| - δ/2). */
    const double slope = clipped(residual, delta);
    *out = isfinite(residual) ? slope * (residual - 0.5 * slope)
                              : 2 * delta * (fabs(0.5 * *in[0] - 0.5 * *in[1]) - 0.25 * delta);
}

static void huber_loss_by_prediction(const double *const *in, size_t size, double delta,
                                     double *out)
{
    (void)size;
    *out = clipped(*in[0] - *in[1], delta);
}

static void huber_loss_by_target(const double *const *in, size_t size, double delta, double *out)
{
    (void)size;
    *out = -clipped(*in[0] - *in[1], delta);
}

/* --- log-cosh */

static void log_cosh(const double *const *in, size_t size, double none, double *out)
{
    (void)size, (void)none;
    const double distance = fabs(*in[0] - *in[1]);
    const double sine = sinh(fmin(distance, 1));
    /* cosh² = 1 + sinh² keeps the digits of small residuals. */
    *out = distance < 0.875 ? 0.5 * log1p(sine * sine)
                            : distance - log(2) + log1p(exp(-2 * distance));
}

static void log_cosh_by_prediction(const double *const *in, size_t size, double none, double *out)
{
    (void)size, (void)none;
    *out = tanh(*in[0] - *in[1]);
}

static void log_cosh_by_target(const double *const *in, size_t size, double none, double *out)
{
    (void)size, (void)none;
    *out = tanh(*in[1] - *in[0]);
}

/* --- hinge loss */

static int is_side(double target)
{
    return target == 1 || target == -1;
}

static void hinge_loss(const double *const *in, size_t size, double margin, double *out)
{
    (void)size;
    const double score = *in[0] * *in[1];
    *out = !is_side(*in[1]) || isnan(score) ? NAN : score < margin ? margin - score : 0;
}

static void hinge_loss_by_logits(const double *const *in, size_t size, double margin, double *out)
{
    (void)size;
    const double score = *in[0] * *in[1];
    *out = !is_side(*in[1]) || isnan(score) ? NAN : score < margin ? -*in[1] : 0;
}

/* --- softmax cross entropy */

/* The odds of each class against the leading one, which is the result, and in `rest` their sum
 * without its own 1: log1p(rest) keeps the digits of a confident prediction. */
static size_t softmax_parts(const double *logits, size_t size, double *odds, double *rest)
{
    size_t lead = 0;
    for (size_t k = 1; k < size; k++)
        if (logits[k] > logits[lead]) lead = k;
    *rest = logits[lead] == -INFINITY ? NAN : 0;
    for (size_t k = 0; k < size; k++) {
        odds[k] = k == lead ? 1 : exp(logits[k] - logits[lead]);
        if (k != lead) *rest += odds[k];
    }
    return lead;
}

static int is_known(const double *const *in, size_t size)
{
    for (size_t k = 0; k < size; k++)
        if (isnan(in[0][k]) || !(in[1][k] >= 0 && in[1][k] < INFINITY)) return 0;
    return 1;
}

static double smoothed(double target, double smoothing, size_t size)
{
    return (1 - smoothing) * target + smoothing / (double)size;
}

/* What has no weight costs nothing, an infinite loss included; one that is undefined stays NaN. */
static double times(double weight, double loss)
{
    return weight == 0 && !isnan(loss) ? 0 : weight * loss;
}

/* -log(p) / 2 of a class: the spread of the logits may overflow where a small weight does not let
 * the loss. */
static double half_surprise(const double *logits, size_t k, size_t lead, double rest)
{
    return (k == lead ? 0 : 0.5 * logits[lead] - 0.5 * logits[k]) + 0.5 * log1p(rest);
}

static void softmax_cross_entropy(const double *const *in, size_t size, double smoothing,
                                  double *out)
{
    double odds[size], rest, sum = 0;
    const size_t lead = softmax_parts(in[0], size, odds, &rest);
    for (size_t k = 0; k < size; k++) {
        const double weight = smoothed(in[1][k], smoothing, size);
        sum += times(weight, half_surprise(in[0], k, lead, rest));
    }
    *out = is_known(in, size) ? 2 * sum : NAN;
}

static void softmax_cross_entropy_by_logits(const double *const *in, size_t size, double smoothing,
                                            double *out)
{
    double odds[size], weights[size], rest, largest = 0, others = 0;
    const size_t lead = softmax_parts(in[0], size, odds, &rest);
    for (size_t k = 0; k < size; k++) {
        weights[k] = smoothed(in[1][k], smoothing, size);
        largest = fmax(largest, weights[k]);
    }
    /* Scaled, so that the sum of the weights can't overflow. */
    const double scale = largest > 1e300 ? 0x1p-16 : 1;
    for (size_t k = 0; k < size; k++) {
        weights[k] *= scale;
        if (k != lead) others += weights[k];
    }
    /* p_i Σw - w_i cancels for a class that is all but certain: of the leading one it is
     * p_i Σ_{j≠i} w_j - w_i (1 - p_i). */
    const double own = weights[lead];
    for (size_t k = 0; k < size; k++) {
        const double slope = k == lead ? (others - own * rest) / (1 + rest)
                                       : odds[k] / (1 + rest) * (own + others) - weights[k];
        out[k] = is_known(in, size) ? slope / scale : NAN;
    }
}

static void softmax_cross_entropy_by_target(const double *const *in, size_t size, double smoothing,
                                            double *out)
{
    double odds[size], rest;
    const size_t lead = softmax_parts(in[0], size, odds, &rest);
    for (size_t k = 0; k < size; k++) {
        const double slope = times(2 * (1 - smoothing), half_surprise(in[0], k, lead, rest));
        out[k] = is_known(in, size) ? slope : NAN;
    }
}

static const struct loss LOSSES[] = {
    {"squared_error", {"prediction", "target"}, NULL, 0,
     squared_error, {squared_error_by_prediction, squared_error_by_target}},
    {"huber_loss", {"prediction", "target"}, "delta", 1,
     huber_loss, {huber_loss_by_prediction, huber_loss_by_target}},
    {"log_cosh", {"prediction", "target"}, NULL, 0,
     log_cosh, {log_cosh_by_prediction, log_cosh_by_target}},
    {"hinge_loss", {"logits", "target"}, "margin", 1,
     hinge_loss, {hinge_loss_by_logits, NULL}},
    {"softmax_cross_entropy", {"logits", "target"}, "label_smoothing", 0,
     softmax_cross_entropy, {softmax_cross_entropy_by_logits, softmax_cross_entropy_by_target}},
};

#endif
