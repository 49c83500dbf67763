/* src/base/shown_format.c - printf whose texts are fit for a terminal; the contract is in shown.h.
 *
 * May touch: the heap. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/shown.h"

/* A conversion, such as %-*.3s: what stands between % and the letter. */
typedef struct {
    char spec[32];      /* with numbers for each * */
    size_t n;
    int width, precision; /* < 0 = none */
    bool left;
    char length, kind;  /* length: 'L' for ll, 'l', 'z', '\0' */
} conversion;

typedef struct {
    va_list at;
} arguments;

/* A number of the format, or the next argument for a *. */
static int number(const char **format, arguments *args)
{
    int x = 0;
    if (**format == '*') {
        ++*format;
        return va_arg(args->at, int);
    }
    for (; **format >= '0' && **format <= '9'; ++*format)
        x = 10 * x + (**format - '0');
    return x;
}

static void put(conversion *c, const char *text)
{
    size_t room = sizeof c->spec - c->n;
    int n = snprintf(c->spec + c->n, room, "%s", text);
    assert(n >= 0 && (size_t)n < room);
    c->n += (size_t)n;
}

static void put_number(conversion *c, int x)
{
    char text[16];
    snprintf(text, sizeof text, "%d", x);
    put(c, text);
}

/* @return behind the letter */
static const char *read(const char *format, arguments *args, conversion *c)
{
    *c = (conversion){.width = -1, .precision = -1};
    put(c, "%");
    for (format++; *format != '\0' && strchr("-+ #0", *format) != NULL; format++) {
        put(c, (const char[]){*format, '\0'});
        c->left = c->left || *format == '-';
    }
    if (*format == '*' || (*format >= '0' && *format <= '9')) {
        c->width = number(&format, args);
        put_number(c, c->width);
    }
    if (*format == '.') {
        format++;
        c->precision = number(&format, args);
        put(c, ".");
        put_number(c, c->precision);
    }
    for (; *format == 'l' || *format == 'z'; format++) {
        put(c, (const char[]){*format, '\0'});
        c->length = *format == 'l' && c->length == 'l' ? 'L' : *format;
    }
    c->kind = *format;
    put(c, (const char[]){*format, '\0'});
    return *format != '\0' ? format + 1 : format;
}

static void add_text(ht_string *to, const conversion *c, const char *text)
{
    ht_string shown = {0};
    size_t n = c->precision >= 0 ? strnlen(text, (size_t)c->precision) : strlen(text);
    ht_shown_add_bytes(&shown, text, n);
    size_t columns = ht_shown_width(ht_string_peek(&shown));
    int pad = c->width > 0 && (size_t)c->width > columns ? c->width - (int)columns : 0;
    ht_string_add(to, "%*s%s%*s", c->left ? 0 : pad, "", ht_string_peek(&shown), c->left ? pad : 0, "");
    to->failed = to->failed || shown.failed;
    ht_string_release(&shown);
}

static void add_whole(ht_string *to, const conversion *c, arguments *args)
{
    if (c->length == 'L')
        ht_string_add(to, c->spec, va_arg(args->at, long long));
    else if (c->length == 'l')
        ht_string_add(to, c->spec, va_arg(args->at, long));
    else if (c->length == 'z')
        ht_string_add(to, c->spec, va_arg(args->at, size_t));
    else
        ht_string_add(to, c->spec, va_arg(args->at, int));
}

void ht_shown_add_format(ht_string *to, const char *format, va_list given)
{
    arguments args;
    va_copy(args.at, given);
    while (*format != '\0') {
        conversion c;
        size_t n = strcspn(format, "%");
        ht_string_add_bytes(to, format, n);
        if (format[n] == '\0')
            break;
        format = read(format + n, &args, &c);
        if (c.kind == '%')
            ht_string_add(to, "%%");
        else if (c.kind == 's')
            add_text(to, &c, va_arg(args.at, const char *));
        else if (strchr("fge", c.kind) != NULL)
            ht_string_add(to, c.spec, va_arg(args.at, double));
        else
            add_whole(to, &c, &args);
    }
    va_end(args.at);
}
