// SPDX-License-Identifier: GPL-2.0
/*
 * What passing a firewall costs, counted in instructions: one process that is many SIP clients and
 * their server, in two network namespaces with the firewall between them.
 *
 *	talk CLIENT-NETNS SERVER-NETNS SERVER-ADDRESS PORT
 *
 * reads commands from standard input and answers each with a line. All of a segment's way (sender,
 * firewall, receiver, its ACK) is walked inside the send() that starts it, so the same sequence of
 * system calls costs the same each time but for what the firewall does. The clock is the TSC, which
 * counts instructions in a guest of `scripts/vm --icount`. Only the system calls are counted, not
 * what this program does between them.
 *
 *	clock				1,000,000 instructions by the clock
 *	message NAME FILE		a text with {addr} {peer} {client} {cseq} {Via} {Contact} in it
 *	open FIRST LAST			connect these clients
 *	pair REQUEST ANSWER FIRST LAST ROUNDS	each of these clients asks, the server answers
 *	up|down MESSAGE CLIENT ROUNDS	one way: from the client, from the server
 *	split MESSAGE CUT CLIENT ROUNDS	as up, in two segments, the first of CUT bytes
 *	ack CLIENT ROUNDS		bare ACKs from the client
 *
 * The last four answer "MEDIAN LOWEST HIGHEST" of what one round costs, as means of batches.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#define CLIENTS		12000
#define FIRST_PORT	20000
#define FIRST_CSEQ	1000000
#define MESSAGES	16
#define TEXT_MAX	65536
#define BATCHES		16

struct text {
	char data[TEXT_MAX];
	size_t len;
	char *cseq; /* where its number stands, NULL for none */
};

struct client {
	int fd, peer;
	unsigned int cseq;
	char via[256], contact[256]; /* as the server had them in the last request */
};

static struct client clients[CLIENTS];
static struct { char name[32]; struct text text; } messages[MESSAGES];
static struct text request, answer, got;
static struct sockaddr_in server = { .sin_family = AF_INET };
static int client_ns, server_ns, listener, raw;
static uint64_t spent;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("talk: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		die("%s: %s", what, strerror(errno));
}

static struct client *client_at(unsigned int n)
{
	if (n >= CLIENTS)
		die("no client %u: there are %u", n, CLIENTS);
	return &clients[n];
}

/* NET.100.100.100 and on, all written with as many digits. */
static void address(unsigned int net, unsigned int n, char *buffer)
{
	sprintf(buffer, "%u.%u.%u.%u", net, 100 + n / 10000, 100 + n / 100 % 100, 100 + n % 100);
}

/* ---- texts -------------------------------------------------------------------- */

static struct text *message(const char *name, bool make)
{
	for (int i = 0; i < MESSAGES; i++) {
		if (!strcmp(messages[i].name, name))
			return &messages[i].text;
		if (make && !messages[i].name[0]) {
			snprintf(messages[i].name, sizeof(messages[i].name), "%s", name);
			return &messages[i].text;
		}
	}
	die("no message %s", name);
}

static void load(const char *name, const char *path)
{
	struct text *text = message(name, true);
	FILE *file = fopen(path, "r");

	must(file, path);
	text->len = fread(text->data, 1, TEXT_MAX - 1024, file);
	fclose(file);
}

/* Fills a text's places in for one client. */
static void expand(struct text *to, const struct text *from, unsigned int n)
{
	struct client *client = client_at(n);
	char addr[32], peer[32], number[32], cseq[32];
	const struct { const char *place, *value; } places[] = {
		{ "{addr}", addr }, { "{peer}", peer }, { "{client}", number }, { "{cseq}", cseq },
		{ "{Via}", client->via }, { "{Contact}", client->contact },
	};
	const char *at = from->data, *end = from->data + from->len;
	size_t i;

	address(10, n, addr);
	address(198, n, peer);
	sprintf(number, "%07u", n);
	sprintf(cseq, "%07u", FIRST_CSEQ + client->cseq);
	to->len = 0;
	to->cseq = NULL;
	while (at < end) {
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if (*at == '{' && !strncmp(at, places[i].place, strlen(places[i].place)))
				break;
		if (i == sizeof(places) / sizeof(places[0])) {
			to->data[to->len++] = *at++;
			continue;
		}
		if (places[i].value == cseq)
			to->cseq = to->data + to->len;
		at += strlen(places[i].place);
		memcpy(to->data + to->len, places[i].value, strlen(places[i].value));
		to->len += strlen(places[i].value);
	}
}

static void next_cseq(struct client *client, struct text *text)
{
	char number[16];

	if (!text->cseq)
		return;
	sprintf(number, "%07u", FIRST_CSEQ + client->cseq);
	memcpy(text->cseq, number, 7);
}

/* What stands between BEGIN and END in what came, into a client's field. */
static void take(char *field, size_t size, const char *begin, const char *end)
{
	const char *at = memmem(got.data, got.len, begin, strlen(begin)), *stop;

	if (!at)
		return;
	at += strlen(begin);
	stop = memmem(at, got.data + got.len - at, end, strlen(end));
	if (!stop || (size_t)(stop - at) >= size)
		die("what is \"%.40s\" in a request?", at);
	memcpy(field, at, stop - at);
	field[stop - at] = 0;
}

static bool is_whole(void)
{
	const char *end = memmem(got.data, got.len, "\r\n\r\n", 4);
	const char *length = memmem(got.data, got.len, "\nContent-Length: ", 17);

	if (!memmem(got.data, got.len, "SIP/2.0", 7))
		return got.len >= 2 && !memcmp(got.data + got.len - 2, "\r\n", 2);
	if (!end || !length)
		return false;
	return got.len == (size_t)(end + 4 - got.data) + strtoul(length + 17, NULL, 10);
}

/* ---- the network ---------------------------------------------------------------- */

static void enter(int ns)
{
	must(!setns(ns, CLONE_NEWNET), "setns");
}

static int tcp_socket(void)
{
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	must(fd >= 0, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static void open_clients(unsigned int first, unsigned int last)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	char addr[32];
	int one = 1;

	for (unsigned int n = first; n <= last; n++) {
		struct client *client = client_at(n);

		address(10, n, addr);
		inet_pton(AF_INET, addr, &own.sin_addr);
		own.sin_port = htons(FIRST_PORT + n);
		client->fd = tcp_socket();
		setsockopt(client->fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
		must(!bind(client->fd, (void *)&own, sizeof(own)), "bind");
		must(!connect(client->fd, (void *)&server, sizeof(server)), "connect");
		client->peer = accept(listener, NULL, NULL);
		must(client->peer >= 0, "accept");
		setsockopt(client->peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

static void send_part(int fd, const char *data, size_t len)
{
	uint64_t begin = __rdtsc();
	ssize_t n = send(fd, data, len, 0);

	spent += __rdtsc() - begin;
	must(n == (ssize_t)len, "send");
}

/* A text from one socket to the other, in two segments if CUT; what arrived is in GOT. */
static void pass(int from, int to, const struct text *text, size_t cut)
{
	uint64_t begin;
	ssize_t n;

	if (cut)
		send_part(from, text->data, cut);
	send_part(from, text->data + cut, text->len - cut);
	got.len = 0;
	do {
		begin = __rdtsc();
		n = recv(to, got.data + got.len, TEXT_MAX - got.len, 0);
		spent += __rdtsc() - begin;
		if (n <= 0)
			die("recv, after %zu bytes of %zu: %s", got.len, text->len, strerror(errno));
		got.len += n;
	} while (!is_whole());
}

/* ---- rounds --------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double means[CLIENTS];
static unsigned int mean_count;

static void report(void)
{
	qsort(means, mean_count, sizeof(means[0]), compare);
	printf("%.0f %.0f %.0f\n", means[mean_count / 2], means[0], means[mean_count - 1]);
	mean_count = 0;
}

static void pair_once(struct client *client, const struct text *reply, unsigned int n, bool build)
{
	client->cseq++;
	next_cseq(client, &request);
	pass(client->fd, client->peer, &request, 0);
	if (build) {
		take(client->via, sizeof(client->via), "\nVia: ", "\r");
		if (!strncmp(got.data, "REGISTER", 8))
			take(client->contact, sizeof(client->contact), "\nContact: <", ">");
		expand(&answer, reply, n);
	}
	next_cseq(client, &answer);
	pass(client->peer, client->fd, &answer, 0);
}

/* The answer is written once for each client, and at the end it must still be the right one. */
static void pairs(const char *ask, const char *reply, unsigned int first, unsigned int last,
		  unsigned int rounds)
{
	unsigned int n, batch, i, each = rounds < BATCHES ? 1 : rounds / BATCHES;
	char before[sizeof(clients[0].contact)];

	for (n = first; n <= last; n++) {
		struct client *client = client_at(n);

		expand(&request, message(ask, false), n);
		for (i = 0; i < each && rounds > 1; i++)
			pair_once(client, message(reply, false), n, !i);
		for (batch = 0; batch < rounds / each; batch++) {
			spent = 0;
			for (i = 0; i < each; i++)
				pair_once(client, message(reply, false), n, rounds == 1);
			means[mean_count++] = (double)spent / each;
		}
		if (rounds == 1)
			continue;
		strcpy(before, client->contact);
		pair_once(client, message(reply, false), n, true);
		if (strcmp(before, client->contact))
			die("the Contact moved from %s to %s", before, client->contact);
	}
	report();
}

static void one_way(bool up, const char *name, unsigned int n, unsigned int rounds, size_t cut)
{
	struct client *client = client_at(n);
	unsigned int i, each = rounds < BATCHES ? 1 : rounds / BATCHES;

	expand(&request, message(name, false), n);
	for (i = 0; i < each + rounds; i++) {
		if (i % each == 0)
			spent = 0;
		client->cseq++;
		next_cseq(client, &request);
		pass(up ? client->fd : client->peer, up ? client->peer : client->fd, &request,
		     cut);
		if (i >= each && i % each == each - 1)
			means[mean_count++] = (double)spent / each;
	}
	report();
}

/* The socket's own place in the sequence space. */
static uint32_t queue_seq(int fd, int queue)
{
	uint32_t seq;
	socklen_t len = sizeof(seq);

	must(!setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), "repair queue");
	must(!getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &len), "queue seq");
	return seq;
}

static uint16_t tcp_sum(const struct iphdr *ip, const struct tcphdr *tcp)
{
	const uint16_t *words[] = { (void *)&ip->saddr, (void *)tcp };
	const size_t counts[] = { 4, sizeof(*tcp) / 2 };
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(*tcp));

	for (int i = 0; i < 2; i++)
		for (size_t j = 0; j < counts[i]; j++)
			sum += words[i][j];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/* No system call sends a bare ACK, so they are made by hand, with the socket's numbers. */
static void acks(unsigned int n, unsigned int rounds)
{
	struct { struct iphdr ip; struct tcphdr tcp; } packet = { 0 };
	int fd = client_at(n)->fd, on = 1, off = TCP_REPAIR_OFF_NO_WP;
	unsigned int i, each = rounds < BATCHES ? 1 : rounds / BATCHES;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	uint64_t begin;

	must(!getsockname(fd, (void *)&own, &len), "getsockname");
	packet.ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
				    .saddr = own.sin_addr.s_addr,
				    .daddr = server.sin_addr.s_addr };
	packet.tcp.source = own.sin_port;
	packet.tcp.dest = server.sin_port;
	must(!setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), "repair");
	packet.tcp.seq = htonl(queue_seq(fd, TCP_SEND_QUEUE));
	packet.tcp.ack_seq = htonl(queue_seq(fd, TCP_RECV_QUEUE));
	must(!setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), "repair off");
	packet.tcp.doff = 5;
	packet.tcp.ack = 1;
	packet.tcp.window = htons(500);
	packet.tcp.check = tcp_sum(&packet.ip, &packet.tcp);
	for (i = 0; i < each + rounds; i++) {
		if (i % each == 0)
			spent = 0;
		begin = __rdtsc();
		must(sendto(raw, &packet, sizeof(packet), 0, (void *)&server, sizeof(server)) ==
		     sizeof(packet), "sendto");
		spent += __rdtsc() - begin;
		if (i >= each && i % each == each - 1)
			means[mean_count++] = (double)spent / each;
	}
	report();
}

/* The best of a few: the kernel's timer may come in between. */
static void show_clock(void)
{
	uint64_t begin, took, least = UINT64_MAX;
	unsigned long n;

	for (int i = 0; i < 5; i++) {
		n = 500000;
		begin = __rdtsc();
		asm volatile("1: dec %0; jnz 1b" : "+r"(n));
		took = __rdtsc() - begin;
		if (took < least)
			least = took;
	}
	printf("%llu\n", (unsigned long long)least);
}

static void obey(const char *line)
{
	unsigned int first, last, rounds, cut;
	char a[256], b[256];

	if (!strcmp(line, "clock\n")) {
		show_clock();
	} else if (sscanf(line, "message %31s %255s", a, b) == 2) {
		load(a, b);
		puts("ok");
	} else if (sscanf(line, "open %u %u", &first, &last) == 2) {
		open_clients(first, last);
		puts("ok");
	} else if (sscanf(line, "pair %31s %31s %u %u %u", a, b, &first, &last, &rounds) == 5) {
		pairs(a, b, first, last, rounds);
	} else if (sscanf(line, "up %31s %u %u", a, &first, &rounds) == 3) {
		one_way(true, a, first, rounds, 0);
	} else if (sscanf(line, "split %31s %u %u %u", a, &cut, &first, &rounds) == 4) {
		one_way(true, a, first, rounds, cut);
	} else if (sscanf(line, "down %31s %u %u", a, &first, &rounds) == 3) {
		one_way(false, a, first, rounds, 0);
	} else if (sscanf(line, "ack %u %u", &first, &rounds) == 2) {
		acks(first, rounds);
	} else {
		die("what is %s", line);
	}
}

static int netns(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files = { .rlim_cur = 2 * CLIENTS + 64, .rlim_max = 2 * CLIENTS + 64 };
	char line[1024];

	if (argc != 5 || inet_pton(AF_INET, argv[3], &server.sin_addr) != 1 ||
	    atoi(argv[4]) < 1 || atoi(argv[4]) > 65535) {
		fputs("usage: talk CLIENT-NETNS SERVER-NETNS SERVER-ADDRESS PORT\n", stderr);
		return 2;
	}
	server.sin_port = htons(atoi(argv[4]));
	must(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	client_ns = netns(argv[1]);
	server_ns = netns(argv[2]);
	enter(server_ns);
	listener = tcp_socket();
	must(!bind(listener, (void *)&server, sizeof(server)) && !listen(listener, 64), "listen");
	enter(client_ns);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	must(raw >= 0, "raw socket");
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
