// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameters: ranges of ports, words and numbers, each with the line that tells an
 * administrator what is allowed when something else is written.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include <lcs/policy.h>

/* Both ends of a range in one word, so that a reader never sees half of a change. */
#define LCS_PORTS(low, high)	((low) << 16 | (high))

/* A binding's lifetime when neither request nor answer names one (RFC 3261 10.2.1.1). */
#define LCS_REGISTERED_DEFAULT	3600

static int set_ports(const char *text, const struct kernel_param *param)
{
	const char *dash = strchr(text, '-');
	unsigned int low, high;
	char first[6] = "";

	if (dash && dash - text < (long)sizeof(first))
		memcpy(first, text, dash - text);
	if (!isdigit(first[0]) || !isdigit(dash[1]) || kstrtouint(first, 10, &low) ||
	    kstrtouint(dash + 1, 10, &high) || low < LCS_PORT_MIN || low > high || high > 65535) {
		pr_err("%s takes LOW-HIGH with %u <= LOW <= HIGH <= 65535, as in %u-65535\n",
		       param->name, LCS_PORT_MIN, LCS_PORT_MIN);
		return -EINVAL;
	}
	WRITE_ONCE(*(u32 *)param->arg, LCS_PORTS(low, high));
	return 0;
}

static int get_ports(char *buffer, const struct kernel_param *param)
{
	u32 ports = READ_ONCE(*(u32 *)param->arg);

	return sprintf(buffer, "%u-%u\n", ports >> 16, ports & 0xffff);
}

static const struct kernel_param_ops lcs_ports_ops = { .set = set_ports, .get = get_ports };

static u32 sip_ports = LCS_PORTS(1024, 65535);
module_param_cb(sip_ports, &lcs_ports_ops, &sip_ports, 0644);
__MODULE_PARM_TYPE(sip_ports, "range");
MODULE_PARM_DESC(sip_ports,
		 "ports a client may name for callback connections, LOW-HIGH (default 1024-65535)");

static u32 media_ports = LCS_PORTS(5350, 5353);
module_param_cb(media_ports, &lcs_ports_ops, &media_ports, 0644);
__MODULE_PARM_TYPE(media_ports, "range");
MODULE_PARM_DESC(media_ports,
		 "ports a client may name for audio, video and TCP media, LOW-HIGH (default 5350-5353)");

static u32 ft_ports = LCS_PORTS(6891, 6900);
module_param_cb(ft_ports, &lcs_ports_ops, &ft_ports, 0644);
__MODULE_PARM_TYPE(ft_ports, "range");
MODULE_PARM_DESC(ft_ports,
		 "ports a client may name for file transfers, LOW-HIGH (default 6891-6900)");

static u32 nat_ports = LCS_PORTS(49152, 65535);
module_param_cb(nat_ports, &lcs_ports_ops, &nat_ports, 0644);
__MODULE_PARM_TYPE(nat_ports, "range");
MODULE_PARM_DESC(nat_ports,
		 "ports used outside where an inside port is not free, LOW-HIGH (default 49152-65535)");

/**
 * struct lcs_words - a parameter that is one of two words
 * @word: the words; the first stands for 0
 * @value: 0 or 1
 */
struct lcs_words {
	const char *word[2];
	u8 value;
};

static int set_word(const char *text, const struct kernel_param *param)
{
	struct lcs_words *words = param->arg;
	u8 i;

	for (i = 0; i < ARRAY_SIZE(words->word); i++) {
		if (sysfs_streq(text, words->word[i])) {
			WRITE_ONCE(words->value, i);
			return 0;
		}
	}
	pr_err("%s takes %s or %s\n", param->name, words->word[0], words->word[1]);
	return -EINVAL;
}

static int get_word(char *buffer, const struct kernel_param *param)
{
	struct lcs_words *words = param->arg;

	return sprintf(buffer, "%s\n", words->word[READ_ONCE(words->value)]);
}

static const struct kernel_param_ops lcs_words_ops = { .set = set_word, .get = get_word };

static struct lcs_words callback_from = { .word = { "server", "any" } };
module_param_cb(callback_from, &lcs_words_ops, &callback_from, 0644);
__MODULE_PARM_TYPE(callback_from, "word");
MODULE_PARM_DESC(callback_from,
		 "who may call a client back: server (default), or any where a pool of servers does");

static struct lcs_words media_from = { .word = { "any", "peer" } };
module_param_cb(media_from, &lcs_words_ops, &media_from, 0644);
__MODULE_PARM_TYPE(media_from, "word");
MODULE_PARM_DESC(media_from,
		 "who may send media: any (default), or the peer once its answer has named it");

static struct lcs_words relayed = { .word = { "0", "1" } };
module_param_cb(relayed, &lcs_words_ops, &relayed, 0644);
__MODULE_PARM_TYPE(relayed, "word");
MODULE_PARM_DESC(relayed,
		 "1: open from a client to the peer that its server names (default 0)");

static struct lcs_words loose = { .word = { "0", "1" } };
module_param_cb(loose, &lcs_words_ops, &loose, 0644);
__MODULE_PARM_TYPE(loose, "word");
MODULE_PARM_DESC(loose,
		 "1: pick up connections whose beginning was not seen, without NAT (default 0)");

/**
 * struct lcs_number - a parameter that is a number
 * @value: the number
 * @min: the smallest allowed
 * @max: the largest allowed
 * @unit: what it counts
 */
struct lcs_number {
	u32 value;
	u32 min;
	u32 max;
	const char *unit;
};

static int set_number(const char *text, const struct kernel_param *param)
{
	struct lcs_number *number = param->arg;
	u32 value;

	if (!isdigit(*text) || kstrtou32(text, 10, &value) || value < number->min ||
	    value > number->max) {
		pr_err("%s takes %u to %u %s\n", param->name, number->min, number->max,
		       number->unit);
		return -EINVAL;
	}
	WRITE_ONCE(number->value, value);
	return 0;
}

static int get_number(char *buffer, const struct kernel_param *param)
{
	struct lcs_number *number = param->arg;

	return sprintf(buffer, "%u\n", READ_ONCE(number->value));
}

static const struct kernel_param_ops lcs_number_ops = { .set = set_number, .get = get_number };

static struct lcs_number t120_port = { 1503, 1024, 65535, "(a port)" };
module_param_cb(t120_port, &lcs_number_ops, &t120_port, 0644);
__MODULE_PARM_TYPE(t120_port, "number");
MODULE_PARM_DESC(t120_port,
		 "port of whiteboard and application sharing (default 1503)");

static struct lcs_number pending_timeout = { 180, 1, 3600, "seconds" };
module_param_cb(pending_timeout, &lcs_number_ops, &pending_timeout, 0644);
__MODULE_PARM_TYPE(pending_timeout, "number");
MODULE_PARM_DESC(pending_timeout,
		 "seconds that a pinhole waits for the answer that confirms it (default 180)");

static struct lcs_number ft_timeout = { 120, 1, 3600, "seconds" };
module_param_cb(ft_timeout, &lcs_number_ops, &ft_timeout, 0644);
__MODULE_PARM_TYPE(ft_timeout, "number");
MODULE_PARM_DESC(ft_timeout,
		 "seconds that a file transfer may take to begin (default 120)");

static struct lcs_number registered_max = { 86400, 60, 604800, "seconds" };
module_param_cb(registered_max, &lcs_number_ops, &registered_max, 0644);
__MODULE_PARM_TYPE(registered_max, "number");
MODULE_PARM_DESC(registered_max,
		 "longest lifetime in seconds that a server's answer gives a callback (default 86400)");

static struct lcs_number dialog_max = { 43200, 60, 604800, "seconds" };
module_param_cb(dialog_max, &lcs_number_ops, &dialog_max, 0644);
__MODULE_PARM_TYPE(dialog_max, "number");
MODULE_PARM_DESC(dialog_max,
		 "longest lifetime in seconds of a dialog's pinholes after its last answer (default 43200)");

static struct lcs_number mem_max = { 4194304, 65536, 1073741824, "bytes" };
module_param_cb(mem_max, &lcs_number_ops, &mem_max, 0644);
__MODULE_PARM_TYPE(mem_max, "number");
MODULE_PARM_DESC(mem_max,
		 "bytes of unfinished lines kept in a network namespace (default 4194304)");

static const char *const lcs_class_names[LCS_CLASSES] = {
	[LCS_CLASS_CALLBACK] = "callback",
	[LCS_CLASS_MEDIA] = "media",
	[LCS_CLASS_FILE_TRANSFER] = "file-transfer",
	[LCS_CLASS_APP_SHARING] = "app-sharing",
};

/**
 * lcs_class_name() - what a class of pinholes is called
 * @class: the class
 */
const char *lcs_class_name(enum lcs_class class)
{
	return lcs_class_names[class];
}

static bool in_ports(u32 ports, u16 port)
{
	return port >= ports >> 16 && port <= (ports & 0xffff);
}

static u32 class_ports(enum lcs_class class)
{
	switch (class) {
	case LCS_CLASS_CALLBACK:
		return READ_ONCE(sip_ports);
	case LCS_CLASS_MEDIA:
		return READ_ONCE(media_ports);
	case LCS_CLASS_FILE_TRANSFER:
		return READ_ONCE(ft_ports);
	default:
		return LCS_PORTS(READ_ONCE(t120_port.value), READ_ONCE(t120_port.value));
	}
}

/**
 * lcs_port_allowed() - may a pinhole be opened on this port
 * @class: for what
 * @port: host byte order
 */
bool lcs_port_allowed(enum lcs_class class, u16 port)
{
	return in_ports(class_ports(class), port);
}
EXPORT_SYMBOL_GPL(lcs_port_allowed);

/**
 * lcs_port_parameter() - name of the parameter that lcs_port_allowed() looks at
 * @class: the class of the pinhole
 */
const char *lcs_port_parameter(enum lcs_class class)
{
	static const char *const name[LCS_CLASSES] = {
		"sip_ports", "media_ports", "ft_ports", "t120_port",
	};

	return name[class];
}

/**
 * lcs_port_keeps() - may a pinhole have this number outside, too
 * @class: its class
 * @port: its inside port, host byte order
 *
 * A range that was narrowed is meant to be open; that of all ports would let a client take over
 * the firewall's own services and port forwards, which are matched after expectations.
 */
bool lcs_port_keeps(enum lcs_class class, u16 port)
{
	u32 ports = class_ports(class);

	if (ports != LCS_PORTS(LCS_PORT_MIN, 65535) && in_ports(ports, port))
		return true;
	return in_ports(READ_ONCE(nat_ports), port);
}
EXPORT_SYMBOL_GPL(lcs_port_keeps);

/**
 * lcs_outside_ports() - the ports a pinhole may have outside where it cannot keep its number
 * @class: its class
 * @low: the first, host byte order
 * @high: the last
 *
 * Clients accept a file from nowhere but the file-transfer ports, and T.120 has one port.
 */
void lcs_outside_ports(enum lcs_class class, u16 *low, u16 *high)
{
	u32 ports = class == LCS_CLASS_CALLBACK || class == LCS_CLASS_MEDIA ?
		    READ_ONCE(nat_ports) : class_ports(class);

	*low = ports >> 16;
	*high = ports & 0xffff;
}
EXPORT_SYMBOL_GPL(lcs_outside_ports);

/**
 * lcs_callback_from_any() - may any host call a client back, not only its server
 */
bool lcs_callback_from_any(void)
{
	return READ_ONCE(callback_from.value);
}

/**
 * lcs_media_from_peer() - may only the peer send media, once its answer has named it
 */
bool lcs_media_from_peer(void)
{
	return READ_ONCE(media_from.value);
}

/**
 * lcs_relayed() - may a client reach the peer that its server names
 */
bool lcs_relayed(void)
{
	return READ_ONCE(relayed.value);
}

/**
 * lcs_loose() - may connections be picked up in mid-stream
 */
bool lcs_loose(void)
{
	return READ_ONCE(loose.value);
}

/**
 * lcs_registered_lifetime() - how long a registered callback lives
 * @seconds: what request and answer said, or U32_MAX
 *
 * Return: seconds, within what the administrator allows.
 */
u32 lcs_registered_lifetime(u32 seconds)
{
	if (seconds == U32_MAX)
		seconds = LCS_REGISTERED_DEFAULT;
	return min(seconds, READ_ONCE(registered_max.value));
}

/**
 * lcs_dialog_lifetime() - how long the pinholes of a confirmed dialog live
 * @seconds: what the answer said, or U32_MAX
 *
 * Return: seconds, within what the administrator allows.
 */
u32 lcs_dialog_lifetime(u32 seconds)
{
	return min(seconds, READ_ONCE(dialog_max.value));
}

/**
 * lcs_pending_lifetime() - how long a pinhole waits for its confirmation
 * @class: its class
 *
 * Return: seconds.
 */
u32 lcs_pending_lifetime(enum lcs_class class)
{
	if (class == LCS_CLASS_FILE_TRANSFER)
		return READ_ONCE(ft_timeout.value);
	return READ_ONCE(pending_timeout.value);
}

/**
 * lcs_held_limit() - how many bytes of unfinished lines a namespace may keep
 */
long lcs_held_limit(void)
{
	return READ_ONCE(mem_max.value);
}
