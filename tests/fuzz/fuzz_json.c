/* tests/fuzz/fuzz_json.c - any text: refused with a reason, or read, printed and read again as the same. */
#include "base/json.h"
#include "base/text.h"
#include "base/value.h"

#include "fuzz.h"

static size_t count(const cJSON *item)
{
    size_t n = 1;
    for (const cJSON *child = item->child; child != NULL; child = child->next)
        n += count(child);
    return n;
}

static int lines(const char *text)
{
    int n = 1;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void check(const char *text, const cJSON *item, const ht_place *places)
{
    size_t n = count(item);
    for (size_t i = 0; i < n; i++) {
        MUST(places[i].line >= 1 && places[i].line <= lines(text) && places[i].column >= 1);
        MUST(i == 0 || places[i].line > places[i - 1].line ||
             (places[i].line == places[i - 1].line && places[i].column > places[i - 1].column));
    }
    char *once = ht_json_line(item), *page = ht_json_page(item);
    MUST(once != NULL && page != NULL);
    cJSON *again = NULL, *from_page = NULL;
    MUST(ht_json_parse(once, &again, NULL, NULL) == HT_OK && ht_json_parse(page, &from_page, NULL, NULL) == HT_OK);
    char *twice = ht_json_line(again), *thrice = ht_json_line(from_page);
    MUST(twice != NULL && strcmp(once, twice) == 0 && strcmp(once, thrice) == 0);
    free(once);
    free(page);
    free(twice);
    free(thrice);
    cJSON_Delete(again);
    cJSON_Delete(from_page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    cJSON *item = NULL;
    ht_place *places = NULL;
    ht_error err = {""};
    if (ht_json_parse(text, &item, &places, &err) == HT_OK) {
        double x;
        ht_value v = ht_value_from_json(item);
        ht_value_as_number(&v, &x);
        check(text, item, places);
    } else {
        MUST(err.text[0] != '\0' && item == NULL && places == NULL);
    }
    free(places);
    cJSON_Delete(item);
    free(text);
    return 0;
}
