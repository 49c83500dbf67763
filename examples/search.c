/* The optimiser alone: find the minimum of a function of two numbers and a category.
 *
 *     cc search.c $(pkg-config --cflags --libs hottune) -lm -o search && ./search
 */
#include <hottune/search.h>
#include <math.h>
#include <stdio.h>

static const char space[] =
    "parameters:\n"
    "  lr: {type: float, low: 1.0e-5, high: 1.0, log: true}\n"
    "  opt: {type: cat, choices: [sgd, adam]}\n"
    "  momentum: {type: float, low: 0.0, high: 0.99, when: {opt: [sgd]}}\n";

int main(void)
{
    ht_search *s;
    ht_error err = {""};
    ht_value lr, momentum, opt;
    unsigned long id;
    double best;
    if (ht_search_open(space, 1, false, &s, &err) != HT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int i = 0; i < 100; i++) {
        if (ht_search_ask(s, &id, &err) != HT_OK || !ht_search_value(s, id, "lr", &lr))
            break;
        double off = log10(lr.scalar.number) + 2, loss = 0.3 + off * off;       /* adam: best at lr 0.01 */
        if (ht_search_value(s, id, "momentum", &momentum))                      /* sgd: a little better */
            loss -= 0.1 * momentum.scalar.number;
        ht_search_tell(s, id, loss, NULL);
    }
    if (ht_search_best(s, &id, &best) == HT_OK && ht_search_best_value(s, "lr", &lr) &&
        ht_search_best_value(s, "opt", &opt))
        printf("best of 100: %.4f in evaluation %lu with lr %.4g, %s\n", best, id, lr.scalar.number, opt.scalar.text);
    ht_search_close(s);
    return 0;
}
