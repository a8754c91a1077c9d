/* A harness for `lossapi check --harness ./harness`: the protocol of docs/harness.md, around the
 * losses in losses.h. A line of JSON comes, a line of JSON goes.
 *
 *     cc -std=c11 -O2 -o harness harness.c -lm
 */
#define _POSIX_C_SOURCE 200809L

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "losses.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void hello(void)
{
    printf("{\"hello\": {\"protocol\": 1, \"name\": \"c-example\", \"version\": \"1.0\", "
           "\"traits\": {\"dtypes\": [\"float64\", \"float32\"]}, \"losses\": [");
    for (size_t i = 0; i < COUNT(LOSSES); i++) printf("%s\"%s\"", i ? ", " : "", LOSSES[i].name);
    puts("]}}");
}

/* The names come from the judge and the texts from here: nothing in them needs escaping. */
static void unsupported(double id, const char *what, const char *name)
{
    printf("{\"id\": %.0f, \"error\": {\"type\": \"Unsupported\", \"message\": \"no %s %s\"}}\n", id,
           what, name);
}

/* The numbers of an array, which has its dtype and shape beside it. */
static double *numbers(const struct json *array)
{
    const struct json *data = json_get(array, "data");
    double *found = room_for((data->count + 1) * sizeof *found);
    size_t i = 0;
    for (const struct json *x = data->first; x != NULL; x = x->next) found[i++] = json_number_of(x);
    return found;
}

static void put_array(const char *dtype, const struct json *shape, size_t axes, const double *data,
                      size_t count)
{
    const int is_single = strcmp(dtype, "float32") == 0;
    const struct json *axis = shape->first;
    printf("{\"dtype\": \"%s\", \"shape\": [", dtype);
    for (size_t i = 0; i < axes; i++, axis = axis->next)
        printf("%s%.0f", i ? ", " : "", axis->number);
    fputs("], \"data\": [", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        /* In float32 the result is rounded once, from float64. */
        json_put_number(is_single ? (float)data[i] : data[i], is_single);
    }
    fputs("]}", stdout);
}

static void run(const struct json *asked)
{
    const double id = json_number_of(json_get(asked, "id"));
    const char *name = json_text_of(json_get(asked, "loss"));
    const char *want = json_text_of(json_get(asked, "want"));
    const struct json *wrt = json_get(asked, "wrt"), *inputs = json_get(asked, "inputs");
    const struct loss *loss = LOSSES, *end = LOSSES + COUNT(LOSSES);
    while (loss < end && strcmp(loss->name, name) != 0) loss++;
    if (loss == end) {
        unsupported(id, "loss", name);
        return;
    }
    double parameter = loss->usual;
    for (const struct json *p = json_get(asked, "parameters")->first; p != NULL; p = p->next) {
        if (loss->parameter == NULL || strcmp(p->key, loss->parameter) != 0) {
            unsupported(id, "parameter", p->key);
            return;
        }
        parameter = json_number_of(p);
    }
    int which = 0; /* the input whose shape a gradient has */
    compute *function = NULL;
    if (strcmp(want, "value") == 0) function = loss->value;
    if (strcmp(want, "gradient") == 0 && wrt->count == 1) {
        which = strcmp(json_text_of(wrt->first), loss->inputs[1]) == 0;
        function = loss->gradient[which];
    }
    if (function == NULL) {
        unsupported(id, want, name);
        return;
    }
    const struct json *arrays[2];
    const double *given[2];
    for (int i = 0; i < 2; i++) {
        arrays[i] = json_get(inputs, loss->inputs[i]);
        given[i] = numbers(arrays[i]);
    }
    /* The first axis counts examples; what is left is one example: nothing, or [k] for a vector. */
    const struct json *shape = json_get(arrays[which], "shape");
    const size_t count = (size_t)shape->first->number;
    const size_t size = shape->count > 1 ? (size_t)shape->first->next->number : 1;
    const int is_value = function == loss->value;
    const size_t each = is_value ? 1 : size;
    double *results = room_for((count * each + 1) * sizeof *results);
    for (size_t i = 0; i < count; i++) {
        const double *one[] = {given[0] + i * size, given[1] + i * size};
        function(one, size, parameter, results + i * each);
    }
    printf("{\"id\": %.0f, \"results\": [", id);
    const char *dtype = json_text_of(json_get(asked, "dtype"));
    put_array(dtype, shape, is_value ? 1 : shape->count, results, count * each);
    puts("]}");
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *at = line;
        const struct json *message = json_value(&at), *asked = json_get(message, "run");
        if (json_get(message, "bye") != NULL) break;
        if (json_get(message, "hello") != NULL) hello();
        if (asked != NULL) run(asked);
        fflush(stdout);
        json_free();
    }
    free(line);
    return 0;
}
