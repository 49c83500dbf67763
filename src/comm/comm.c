/* src/comm/comm.c - calls that go through a transport's class; the contract is in comm.h. */
#include "comm/comm.h"

ht_status ht_comm_send(ht_comm *c, int to, const void *bytes, size_t n, ht_error *err)
{
    return c->class->send(c, to, bytes, n, err);
}

ht_status ht_comm_receive(ht_comm *c, double timeout_s, int *from, ht_bytes *out, ht_error *err)
{
    return c->class->receive(c, timeout_s, from, out, err);
}

double ht_comm_now(ht_comm *c)
{
    return c->class->now(c);
}

void ht_comm_destroy(ht_comm *c)
{
    if (c != NULL)
        c->class->destroy(c);
}
