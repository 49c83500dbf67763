/* tests/fuzz/fuzz_wire.c - any bytes: refused, or a packet that encodes to bytes that give it back. */
#include "population/wire.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ht_packet packet, again;     /* too large for the stack; the decoder leaves parts untouched */
    ht_bytes bytes = {NULL, 0}, twice = {NULL, 0};
    ht_error err = {""};
    if (ht_packet_decode(data, size, &packet, &err) == HT_OK) {
        MUST(ht_packet_encode(&packet, &bytes) == HT_OK);
        MUST(ht_packet_decode(bytes.data, bytes.n, &again, NULL) == HT_OK);
        MUST(ht_packet_encode(&again, &twice) == HT_OK);
        MUST(bytes.n == twice.n && memcmp(bytes.data, twice.data, bytes.n) == 0);
        ht_packet_release(&packet);
        ht_packet_release(&again);
    } else {
        MUST(err.text[0] != '\0');
    }
    free(bytes.data);
    free(twice.data);
    return 0;
}
