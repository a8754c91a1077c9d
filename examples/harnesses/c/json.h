/* Just enough JSON for the protocol: one line becomes a tree, which lives until the next one. */
#ifndef JSON_H
#define JSON_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT };

/* The entries of a list or an object are a chain; those of an object have a key. */
struct json {
    enum json_type type;
    double number;
    char *text;
    char *key;
    size_t count;
    struct json *first, *next;
};

/* All nodes and texts of a tree lie in blocks that are freed together. */
struct block {
    struct block *before;
    size_t used, size;
    max_align_t room[];
};

static struct block *blocks;

static void *room_for(size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (blocks == NULL || blocks->used + size > blocks->size) {
        size_t room = size > 1 << 20 ? size : 1 << 20;
        struct block *block = malloc(sizeof *block + room);
        if (block == NULL) {
            fputs("out of memory\n", stderr);
            exit(1);
        }
        *block = (struct block){blocks, 0, room};
        blocks = block;
    }
    void *found = (char *)blocks->room + blocks->used;
    blocks->used += size;
    return memset(found, 0, size);
}

static void json_free(void)
{
    while (blocks != NULL) {
        struct block *before = blocks->before;
        free(blocks);
        blocks = before;
    }
}

static void json_fail(const char *at)
{
    fprintf(stderr, "not JSON, or more than this parser reads, at: %.40s\n", at);
    exit(1);
}

static void skip_space(char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static struct json *json_value(char **at);

/* Texts are read as they stand, but for the quote and the backslash: names need no more. */
static char *json_text(char **at)
{
    char *from = *at + 1, *to = from, *text = from;
    if (**at != '"') json_fail(*at);
    while (*from != '"') {
        if (*from == '\\') from++;
        if (*from == '\0') json_fail(from);
        *to++ = *from++;
    }
    *at = from + 1;
    *to = '\0';
    return text;
}

static struct json *json_entries(char **at, struct json *node, char end)
{
    struct json **last = &node->first;
    ++*at;
    skip_space(at);
    while (**at != end) {
        char *key = NULL;
        if (node->type == JSON_OBJECT) {
            key = json_text(at);
            skip_space(at);
            if (*(*at)++ != ':') json_fail(*at - 1);
        }
        *last = json_value(at);
        (*last)->key = key;
        last = &(*last)->next;
        node->count++;
        skip_space(at);
        if (**at == ',') {
            ++*at;
            skip_space(at);
        } else if (**at != end) {
            json_fail(*at);
        }
    }
    ++*at;
    return node;
}

static struct json *json_value(char **at)
{
    static const char *const words[] = {"null", "false", "true"};
    struct json *node = room_for(sizeof *node);
    skip_space(at);
    switch (**at) {
    case '{':
        node->type = JSON_OBJECT;
        return json_entries(at, node, '}');
    case '[':
        node->type = JSON_LIST;
        return json_entries(at, node, ']');
    case '"':
        node->type = JSON_TEXT;
        node->text = json_text(at);
        return node;
    }
    for (int i = 0; i < 3; i++) {
        if (strncmp(*at, words[i], strlen(words[i])) == 0) {
            node->type = (enum json_type)i;
            *at += strlen(words[i]);
            return node;
        }
    }
    char *end;
    node->type = JSON_NUMBER;
    node->number = strtod(*at, &end);
    if (end == *at) json_fail(*at);
    *at = end;
    return node;
}

/* The entry of an object, or NULL. */
static const struct json *json_get(const struct json *object, const char *key)
{
    const struct json *entry = object == NULL ? NULL : object->first;
    while (entry != NULL && (entry->key == NULL || strcmp(entry->key, key) != 0)) entry = entry->next;
    return entry;
}

static const char *json_text_of(const struct json *node)
{
    return node != NULL && node->type == JSON_TEXT ? node->text : "";
}

/* A number of the protocol, in which NaN and the infinities are texts, or of a switch. */
static double json_number_of(const struct json *node)
{
    if (node == NULL) return NAN;
    if (node->type == JSON_NUMBER) return node->number;
    if (node->type == JSON_TRUE) return 1.0;
    if (node->type == JSON_FALSE) return 0.0;
    if (strcmp(json_text_of(node), "Infinity") == 0) return INFINITY;
    if (strcmp(json_text_of(node), "-Infinity") == 0) return -INFINITY;
    return NAN;
}

/* A number such that it reads back as the same one of its dtype. */
static void json_put_number(double x, int is_single)
{
    if (isnan(x)) fputs("\"NaN\"", stdout);
    else if (isinf(x)) fputs(x > 0 ? "\"Infinity\"" : "\"-Infinity\"", stdout);
    else printf("%.*g", is_single ? 9 : 17, x);
}

#endif
