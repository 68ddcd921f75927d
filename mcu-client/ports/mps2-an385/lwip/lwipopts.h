// lwIP for one TCP connection at a time, called from one main loop.
#pragma once

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_STATS 0
#define LWIP_UDP 0
#define LWIP_RAW 0
#define LWIP_NETIF_HOSTNAME 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define MEM_ALIGNMENT 4

// One connection, and the ends of those before it.
#define MEMP_NUM_TCP_PCB 4
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 12
#define MEMP_NUM_TCP_SEG 12
#define TCP_QUEUE_OOSEQ 0 // what comes out of order is sent again
#define MEM_SIZE 6144     // copies of what is under way
#define PBUF_POOL_SIZE 8
#define PBUF_POOL_BUFSIZE 1536

// A sequence number that does not begin at the same place at every start.
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) muster_random_word()
