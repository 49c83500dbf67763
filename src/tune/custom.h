/** @file src/tune/custom.h
 *  An actuator of the program's own (ht_actuator_ops), dressed as a class of actuators. */
#ifndef HT_TUNE_CUSTOM_H
#define HT_TUNE_CUSTOM_H

#include "tune/actuator.h"

/** @param ops   copied; all callbacks but `discard` and `describe` are required
 *  @param self  passed to the callbacks; borrowed
 *  @param[out] out  the class's self, owned by the caller (ht_custom_class.destroy)
 *  @return HT_OK; HT_EINVAL: err names the missing callback; HT_ENOMEM */
ht_status ht_custom_create(const char *name, const ht_actuator_ops *ops, void *self, void **out,
                           ht_error *err);
extern const ht_actuator_class ht_custom_class;

#endif
