/* tests/fuzz/fuzz_yaml.c - any text: refused with a reason, or a tree that JSON can hold. */
#include "recipe/yaml.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    cJSON *item = NULL;
    ht_place *places = NULL;
    ht_error err = {""};
    if (ht_yaml_parse(text, &item, &places, &err) == HT_OK) {
        char *line = ht_json_line(item);
        cJSON *again = NULL;
        MUST(line != NULL && ht_json_parse(line, &again, NULL, NULL) == HT_OK);
        free(line);
        cJSON_Delete(again);
    } else {
        MUST(err.text[0] != '\0' && item == NULL && places == NULL);
    }
    free(places);
    cJSON_Delete(item);
    free(text);
    return 0;
}
