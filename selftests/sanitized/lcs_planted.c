// SPDX-License-Identifier: GPL-2.0
/*
 * Planted mistakes: a module that makes one of each kind on demand, to see that the sanitizer
 * kernel finds it (planted.py). What is written to its parameter says which.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#define PLANTED_SIZE	100

static DEFINE_SPINLOCK(planted_one);
static DEFINE_SPINLOCK(planted_other);
static int __rcu *planted_rcu;
static u8 planted_sink;

static void sleep_in_atomic(void)
{
	spin_lock(&planted_one);
	might_sleep();
	spin_unlock(&planted_one);
}

static void rcu_without_lock(void)
{
	planted_sink = !!rcu_dereference(planted_rcu);
}

static void lock_order(void)
{
	spin_lock(&planted_one);
	spin_lock(&planted_other);
	spin_unlock(&planted_other);
	spin_unlock(&planted_one);
	spin_lock(&planted_other);
	spin_lock(&planted_one);
	spin_unlock(&planted_one);
	spin_unlock(&planted_other);
}

static void use_after_free(void)
{
	u8 *mem = kmalloc(PLANTED_SIZE, GFP_KERNEL);

	kfree(mem);
	OPTIMIZER_HIDE_VAR(mem);
	planted_sink = READ_ONCE(mem[1]);
}

static void out_of_bounds(void)
{
	u8 *mem = kmalloc(PLANTED_SIZE, GFP_KERNEL);

	if (!mem)
		return;
	OPTIMIZER_HIDE_VAR(mem);
	planted_sink = READ_ONCE(mem[PLANTED_SIZE]);
	kfree(mem);
}

static void shift(void)
{
	unsigned int bits = 64;

	OPTIMIZER_HIDE_VAR(bits);
	planted_sink = 1u << bits;
}

static void planted_timer(struct timer_list *timer)
{
}

struct planted_object {
	struct timer_list timer;
};

static void active_object(void)
{
	struct planted_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return;
	timer_setup(&object->timer, planted_timer, 0);
	mod_timer(&object->timer, jiffies + 60 * HZ);
	kfree(object);
}

static void leak(void)
{
	void *mem = kmalloc(PLANTED_SIZE, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(mem);
}

static const struct {
	const char *name;
	void (*make)(void);
} planted[] = {
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "rcu_without_lock", rcu_without_lock },
	{ "lock_order", lock_order },
	{ "shift", shift },
	{ "active_object", active_object },
	{ "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds },
	{ "leak", leak },
};

static int make_mistake(const char *val, const struct kernel_param *kp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(planted); i++) {
		if (sysfs_streq(val, planted[i].name)) {
			planted[i].make();
			return 0;
		}
	}
	return -EINVAL;
}

static const struct kernel_param_ops mistake_ops = {
	.set = make_mistake,
};

module_param_cb(mistake, &mistake_ops, NULL, 0200);
MODULE_PARM_DESC(mistake, "make this mistake now");

static int __init planted_init(void)
{
	return 0;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_DESCRIPTION("Mistakes for a kernel that looks for them");
MODULE_LICENSE("GPL");
