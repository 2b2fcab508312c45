#!/bin/sh
# waylaid's collector: writes down what this machine's kernel and programs say about its network, and nothing else.
# In: options (see usage below). Out: a bundle in the format waylaid-evidence/1, as a folder, a file or on stdout.
# It reads only: no setting is changed, no module asked for by name, no packet sent (except by --netcheck).
# It runs under any POSIX shell (dash, busybox sh, bash); a tool that is missing, fails or hangs costs its own file only,
# and the manifest says so. Join keys, tokens and private keys are blanked before anything reaches the bundle.
set -u
LC_ALL=C
export LC_ALL
umask 077

collected_by='waylaid collect.sh'

usage() {
  cat <<'USAGE'
usage: sh collect.sh [options]
  --name NAME           this machine's name in the bundle (default: kubelet's or k3s's node name, else the host's)
  --host                the machine is outside the cluster: its files go to hosts/NAME instead of nodes/NAME
  --output DIR|FILE     FILE ends in .tar, .tar.gz or .tgz; anything else is a new folder
                        (default: waylaid-NAME-DATE.tar.gz in the current folder)
  --stdout              write the bundle as a tar stream to stdout
  --max-pods N          at most N pod network namespaces (default 250)
  --timeout SECONDS     for each command (default 10)
  --deadline SECONDS    for all of it; what has not run by then is listed as timed out (default 600)
  --netcheck            also run `tailscale netcheck`, which contacts relays on the internet
  --collector-time T    the time where the collection was started, RFC 3339 (shows a wrong clock here)
  --marker WORD         a line to print before the tar stream
USAGE
}

# ------------------------------------------------------------------------------------------------------ small things

say() { printf 'waylaid: %s\n' "$*" >&2; }

have() {
  if [ "$1" = ip ]; then [ -n "$ip_path" ]; else command -v "$1" >/dev/null 2>&1; fi
}

is_number() {
  case $1 in
    '' | *[!0-9]*) return 1 ;;
  esac
}

# Uptime in hundredths of a second, from the shell itself: a `date` for each command would double what a command costs.
read_uptime() {
  uptime_text=0.00
  read -r uptime_text uptime_rest </proc/uptime 2>/dev/null || uptime_text=0.00
  : "${uptime_rest:=}"
  uptime_cs=${uptime_text%.*}${uptime_text#*.}
}

# The wall clock for `startedAt`; asked again only when a second has gone by.
read_clock() {
  read_uptime
  if [ "${uptime_text%.*}" != "$clock_second" ] || [ -z "$clock" ]; then
    clock_second=${uptime_text%.*}
    clock=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  fi
}

# Sets `quoted` to the text as a JSON string.
quote_json() {
  case $1 in
    *[!A-Za-z0-9\ ._/:=@%+,^~#\(\)-]*)
      quoted=\"$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')\"
      ;;
    *) quoted=\"$1\" ;;
  esac
}

# ----------------------------------------------------------------------------------------------------- what is blanked

# Secrets that may stand anywhere: Tailscale keys, k3s join tokens, bearer tokens, passwords in URLs.
blank_secrets() {
  sed -e 's/tskey-[A-Za-z0-9_-]*/tskey-REDACTED/g' \
    -e 's/privkey:[0-9A-Fa-f]*/privkey:REDACTED/g' \
    -e 's/nlpriv:[0-9A-Fa-f]*/nlpriv:REDACTED/g' \
    -e 's/joinKey=[^,"'"'"' ]*/joinKey=REDACTED/g' \
    -e 's/K10[0-9a-f]\{16,\}::[^ "'"'"']*/K10REDACTED/g' \
    -e 's/\([Bb]earer \)[A-Za-z0-9._~+\/=-]\{8,\}/\1REDACTED/g' \
    -e 's/eyJ[A-Za-z0-9_-]\{8,\}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*/REDACTED/g' \
    -e 's/\([Tt]oken=\)[^ "'"'"',&]*/\1REDACTED/g' \
    -e 's/\([Ss]ecret=\)[^ "'"'"',&]*/\1REDACTED/g' \
    -e 's/\([Pp]assword=\)[^ "'"'"',&]*/\1REDACTED/g' \
    -e 's#\(://[^:/@ ]*\):[^@/ ]*@#\1:REDACTED@#g'
}

# One argument a line. `--token=X` and `--token X` lose X; `--token-file F` keeps F, which is only a path.
blank_arguments() {
  sed -e '/^--*[A-Za-z0-9-]*-file\(=.*\)*$/b' \
    -e 's/^\(--*[A-Za-z0-9-]*token\)=.*/\1=REDACTED/' \
    -e 's/^\(--*[A-Za-z0-9-]*password\)=.*/\1=REDACTED/' \
    -e 's/^\(--*[A-Za-z0-9-]*secret\)=.*/\1=REDACTED/' \
    -e 's/^\(--*[A-Za-z0-9-]*-key\)=.*/\1=REDACTED/' \
    -e 's/^\(--*auth-*key\)=.*/\1=REDACTED/' \
    -e '/^--*[A-Za-z0-9-]*token$/{n;s/.*/REDACTED/;}' \
    -e '/^--*[A-Za-z0-9-]*password$/{n;s/.*/REDACTED/;}' \
    -e '/^--*[A-Za-z0-9-]*secret$/{n;s/.*/REDACTED/;}' \
    -e '/^--*[A-Za-z0-9-]*-key$/{n;s/.*/REDACTED/;}' \
    -e '/^--*auth-*key$/{n;s/.*/REDACTED/;}' | blank_secrets
}

# A YAML value of a secret key, on its line or on the indented lines below it (a block or folded scalar). Lines below an
# indented secret key may lose a neighbour as well: too much is blanked rather than too little.
blank_yaml() {
  sed -e '/^[[:space:]-]*["'"'"']*[A-Za-z0-9_-]*-file["'"'"']*[[:space:]]*:/b' \
    -e '/^[[:space:]-]*["'"'"']*[A-Za-z0-9_-]*[Tt]oken["'"'"']*[[:space:]]*:/b blank' \
    -e '/^[[:space:]-]*["'"'"']*[A-Za-z0-9_-]*[Pp]assword["'"'"']*[[:space:]]*:/b blank' \
    -e '/^[[:space:]-]*["'"'"']*[A-Za-z0-9_-]*[Ss]ecret["'"'"']*[[:space:]]*:/b blank' \
    -e '/^[[:space:]-]*["'"'"']*[A-Za-z0-9_-]*-key["'"'"']*[[:space:]]*:/b blank' \
    -e '/^[[:space:]-]*["'"'"']*psk["'"'"']*[[:space:]]*:/b blank' \
    -e b \
    -e ': blank' \
    -e 's/^\([^:]*:\).*/\1 REDACTED/' \
    -e ': more' \
    -e '$ b' \
    -e N \
    -e '/\n[[:space:]][^\n]*$/{s/\n[^\n]*$//;b more' -e '}' \
    -e '/\n$/{s/\n$//;b more' -e '}' \
    -e P -e D | blank_secrets
}

# `wg show all dump`: an interface line has five fields and its private key second; a peer line has its preshared key
# third and its name, which is public, second.
blank_wireguard() {
  tab=$(printf '\t')
  field="[^${tab}]*"
  sed -e "s/^\(${field}\)${tab}${field}${tab}\(${field}${tab}${field}${tab}${field}\)\$/\1${tab}REDACTED${tab}\2/" \
    -e "s/^\(${field}${tab}${field}\)${tab}${field}${tab}\(${field}${tab}${field}${tab}${field}${tab}${field}${tab}.*\)\$/\1${tab}REDACTED${tab}\2/"
}

blank_xfrm() { sed 's/0x[0-9A-Fa-f]\{16,\}/REDACTED/g'; }

newest_lines() { tail -n "$log_lines" | blank_secrets; }

# A name with a slash comes back with a dot and the other way round, as sysctl(8) prints keys.
sysctl_lines() {
  sed -n -e '/^\/proc\/sys\/[^:]*:./!d' -e 's#^/proc/sys/##' -e h -e 's/:.*//' -e 'y#/.#./#' -e G \
    -e 's/\n[^:]*:/ = /p' | sort
}

# ------------------------------------------------------------------------------------------------------- the manifest

# record FILE EXIT PROBLEM DETAIL DURATION_MS COMMAND…: one item; an empty PROBLEM means that the file is whole.
record() {
  quote_json "$prefix/$1"
  record_line="{\"path\":$quoted"
  record_exit=$2 record_problem=$3 record_detail=$4 record_ms=$5
  shift 5
  if [ $# -gt 0 ]; then
    record_line="$record_line,\"argv\":["
    record_comma=
    for record_word; do
      quote_json "$record_word"
      record_line=$record_line$record_comma$quoted
      record_comma=,
    done
    record_line="$record_line]"
  fi
  [ -z "$record_exit" ] || record_line="$record_line,\"exit\":$record_exit"
  [ -z "$started_at" ] || record_line="$record_line,\"startedAt\":\"$started_at\""
  [ -z "$record_ms" ] || record_line="$record_line,\"durationMs\":$record_ms"
  if [ -n "$record_problem" ]; then
    problems=$((problems + 1))
    record_line="$record_line,\"problem\":\"$record_problem\""
    if [ -n "$record_detail" ]; then
      quote_json "$record_detail"
      record_line="$record_line,\"detail\":$quoted"
    fi
  fi
  # Where there was no room for the item there may have been none for the file either.
  { printf '%s}\n' "$record_line" >>"$stage/items"; } 2>/dev/null || fail "$stage cannot be written; is the disk full?"
  started_at=
}

write_manifest() {
  quote_json "$collected_by"
  {
    printf '{\n"format": "waylaid-evidence/1",\n"collectedAt": "%s",\n"collectedBy": %s,\n' "$begun_at" "$quoted"
    printf '"redacted": false,\n"items": [\n'
    sed '$!s/$/,/' "$stage/items"
    printf ']\n}\n'
  } >"$bundle/waylaid.json"
}

# ------------------------------------------------------------------------------------------------ running one command

signal_child() {
  kill "-$1" "-$child" 2>/dev/null || kill "-$1" "$child" 2>/dev/null
}

# Runs a command for about `command_s` seconds at most, with its output bounded; the caller redirects stdout and stderr.
# It gets a process group of its own where there is setsid, so that what it started dies with it.
run_bounded() {
  {
    ulimit -f "$output_blocks" 2>/dev/null
    if [ -n "$setsid" ]; then exec setsid "$@"; else exec "$@"; fi
  } </dev/null &
  child=$!
  run_number=$((run_number + 1))
  printf '%s %s\n' "$run_number" "$child" >"$stage/running"
  { wait "$child"; } 2>/dev/null
  child_status=$?
  child=
  : >"$stage/running"
  return "$child_status"
}

# The watchdog: one for the whole run, in the background, looks once a second at what is running. (`timeout` is missing
# on some machines, and a watchdog for each command would double what a command costs.)
start_guard() {
  : >"$stage/running"
  watch_commands </dev/null >/dev/null 2>&1 &
  guard=$!
}

watch_commands() {
  nap='' watched='' ticks=0
  trap '[ -z "$nap" ] || { kill "$nap"; wait "$nap"; }; exit 0' TERM
  trap '' INT
  trap - EXIT
  while kill -0 "$$"; do
    sleep 1 &
    nap=$!
    wait "$nap"
    running=
    read -r running <"$stage/running"
    if [ -z "$running" ] || [ "$running" != "$watched" ]; then
      watched=$running ticks=0
      continue
    fi
    ticks=$((ticks + 1))
    child=${running#* }
    if [ "$ticks" -gt "$command_s" ]; then signal_child KILL; elif [ "$ticks" -eq "$command_s" ]; then signal_child TERM; fi
  done
}

# Sets `problem` and `detail` from how a command ended: its exit, what it printed and how long it took.
judge_ending() {
  problem=
  detail=
  if [ "$1" -ge 124 ] && [ "$elapsed_ms" -ge $((command_s * 1000)) ]; then
    problem=timed-out
    detail="no answer within $command_s s"
    return
  fi
  if [ "$1" -eq 153 ]; then
    problem=truncated
    detail='longer than the collector keeps'
    return
  fi
  if [ "$1" -eq 0 ] && [ "$expects_json" = yes ] && ! begins_like_json "$2"; then
    problem=failed
    detail='printed no JSON'
    : >"$2"
    return
  fi
  if [ "$1" -eq 0 ]; then
    [ "$is_root" = no ] && [ ! -s "$2" ] && needs_root "$3" || return
    problem=forbidden
    detail="$3 shows nothing to a user who is not root"
    return
  fi
  detail=$(sed -n '/./{p;q;}' "$stage/stderr" | cut -c 1-200 | blank_secrets)
  if grep -qi -e 'permission denied' -e 'not permitted' -e 'access denied' -e 'must be root' -e 'are you root' \
    -e 'insufficient permissions' "$stage/stderr"; then
    problem=forbidden
  elif [ "$1" -eq 127 ]; then
    problem=not-installed
  else
    problem=failed
  fi
}

needs_root() {
  case $1 in
    iptables* | ip6tables* | nft | ipset | conntrack | wg | dmesg | journalctl) return 0 ;;
  esac
  return 1
}

is_late() {
  read_uptime
  [ "$uptime_cs" -ge "$deadline_cs" ]
}

# capture FILE COMMAND…: the command's output in the current namespace becomes FILE. `filter` names a function through
# which it goes first; the manifest gets the command as a person would type it inside that namespace.
capture() {
  capture_file=$1
  shift
  capture_path=$folder/$capture_file
  case $capture_file in
    */*) mkdir -p "${capture_path%/*}" ;;
  esac
  if ! have "$1"; then
    problem=not-installed
    record "$capture_file" 127 not-installed '' '' "$@"
    return 127
  fi
  if is_late; then
    problem=timed-out
    record "$capture_file" '' timed-out 'the time for the whole collection was over before its turn' '' "$@"
    return 124
  fi
  read_clock
  started_at=$clock
  started_cs=$uptime_cs
  capture_output=$capture_path
  [ -z "$filter" ] || capture_output=$stage/unfiltered
  run_in_namespace "$@" >"$capture_output" 2>"$stage/stderr"
  capture_status=$?
  read_uptime
  elapsed_ms=$(((uptime_cs - started_cs) * 10))
  judge_ending "$capture_status" "$capture_output" "$1"
  keep_output
  record "$capture_file" "$capture_status" "$problem" "$detail" "$elapsed_ms" "$@"
  return "$capture_status"
}

keep_output() {
  if [ -n "$filter" ]; then
    if ! "$filter" <"$capture_output" >"$capture_path"; then
      rm -f "$capture_path"
      problem=failed
      detail='its secrets could not be blanked, so it was left out'
    fi
    rm -f "$capture_output"
  fi
  if [ -n "$problem" ] && [ -e "$capture_path" ] && [ ! -s "$capture_path" ]; then rm -f "$capture_path"; fi
  # The cut comes anywhere in a line; half a line would say something that was never printed.
  if [ "$problem" = truncated ] && [ -e "$capture_path" ]; then
    sed '$d' <"$capture_path" >"$stage/whole-lines" && cat "$stage/whole-lines" >"$capture_path"
    rm -f "$stage/whole-lines"
  fi
}

run_in_namespace() {
  if [ "$1" = ip ]; then
    shift
    set -- "$ip_path" "$@"
  fi
  case $entry in
    root) ;;
    pid:*) set -- nsenter -t "${entry#pid:}" -n "$@" ;;
    file:*) set -- nsenter "-n${entry#file:}" "$@" ;;
    name:*) set -- "$ip_path" netns exec "${entry#name:}" "$@" ;;
  esac
  run_bounded "$@"
}

# capture_filtered FILTER FILE COMMAND…
capture_filtered() {
  filter=$1
  shift
  capture "$@"
  filtered_status=$?
  filter=
  return "$filtered_status"
}

# copy FILE PATH…: the first of the paths that exists, as FILE.
copy() {
  copy_file=$1
  shift
  for copy_from; do
    [ -f "$copy_from" ] || continue
    capture_filtered blank_secrets "$copy_file" cat "$copy_from"
    return
  done
  record "$copy_file" '' absent '' '' cat "$1"
}

# --------------------------------------------------------------------------------------- files of a network namespace

begins_like_json() {
  IFS= read -r first_line <"$1" || [ -n "${first_line:-}" ] || return 1
  case $first_line in
    '['* | '{'*) return 0 ;;
  esac
  return 1
}

# json_or_text BASE TOOL ARGUMENT…: BASE.json by `TOOL -j ARGUMENT…`, or BASE.txt without -j where the tool knows no
# JSON: busybox, and iproute2 before about 4.17, which for some objects takes -j and prints text all the same.
json_or_text() {
  base=$1 tool=$2
  shift 2
  if [ "$tool" != ip ] || [ "$ip_kind" != busybox ]; then
    expects_json=yes
    capture "$base.json" "$tool" -j "$@"
    expects_json=no
    # A tool that is missing, forbidden or hanging is so without -j as well.
    [ "$problem" = failed ] || return
    rm -f "$folder/$base.json"
  else
    # busybox refuses -d and -s.
    for word; do
      shift
      case $word in
        -d | -s) ;;
        *) set -- "$@" "$word" ;;
      esac
    done
  fi
  capture "$base.txt" "$tool" "$@"
}

collect_iptables() {
  for family in iptables ip6tables; do
    capture "$family-save.txt" "$family-save" -c
    if have "$family-legacy-save" && have "$family-nft-save"; then
      capture "$family-legacy-save.txt" "$family-legacy-save" -c
      capture "$family-nft-save.txt" "$family-nft-save" -c
    fi
  done
}

sysctl_pattern='^net\.(ipv4\.(ip_forward|conf\.|ip_no_pmtu_disc|tcp_mtu_probing|fib_multipath_|ip_local_port_range|ip_nonlocal_bind|fwmark_reflect|tcp_fwmark_accept|neigh\.default\.gc_thresh)|ipv6\.(conf\.|fib_multipath_|bindv6only|neigh\.default\.gc_thresh)|bridge\.|netfilter\.nf_conntrack_(max|count|buckets|checksum|log_invalid|tcp_be_liberal|tcp_loose|udp_timeout))'

# The quoted text is for the inner shell: /proc/sys/net shows the namespace of the process that reads it.
# shellcheck disable=SC2016
sysctl_by_hand='grep -H "" /proc/sys/net/ipv4/ip_forward* /proc/sys/net/ipv4/conf/*/* /proc/sys/net/ipv4/ip_no_pmtu_disc
/proc/sys/net/ipv4/tcp_mtu_probing /proc/sys/net/ipv4/fib_multipath_* /proc/sys/net/ipv4/ip_local_port_range
/proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv4/fwmark_reflect /proc/sys/net/ipv4/tcp_fwmark_accept
/proc/sys/net/ipv4/neigh/default/gc_thresh* /proc/sys/net/ipv6/conf/*/* /proc/sys/net/ipv6/fib_multipath_*
/proc/sys/net/ipv6/bindv6only /proc/sys/net/ipv6/neigh/default/gc_thresh* /proc/sys/net/bridge/*
/proc/sys/net/netfilter/nf_conntrack_max /proc/sys/net/netfilter/nf_conntrack_count
/proc/sys/net/netfilter/nf_conntrack_buckets /proc/sys/net/netfilter/nf_conntrack_checksum
/proc/sys/net/netfilter/nf_conntrack_log_invalid /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal
/proc/sys/net/netfilter/nf_conntrack_tcp_loose /proc/sys/net/netfilter/nf_conntrack_udp_timeout* 2>/dev/null; :'

collect_sysctl() {
  if [ "$sysctl_kind" = pattern ]; then
    capture sysctl.txt sysctl -a -r "$sysctl_pattern"
  else
    capture_filtered sysctl_lines sysctl.txt sh -c "$(printf '%s' "$sysctl_by_hand" | tr '\n' ' ')"
  fi
}

collect_namespace() {
  json_or_text ip-link ip -d -s link
  json_or_text ip-addr ip -d addr
  json_or_text ip-rule-4 ip -d -4 rule
  json_or_text ip-rule-6 ip -d -6 rule
  json_or_text ip-route-4 ip -d -4 route show table all
  json_or_text ip-route-6 ip -d -6 route show table all
  json_or_text ip-neigh ip neigh
  json_or_text bridge-fdb bridge fdb
  json_or_text bridge-link bridge -d link
  collect_iptables
  capture nft.json nft -j list ruleset
  capture nft.txt nft -a list ruleset
  capture ipset.txt ipset save
  collect_sysctl
  capture ss.txt ss -H -tulpn
  capture nstat.json nstat -asj
  if [ "$ip_kind" = busybox ]; then
    record xfrm.txt 127 not-installed 'this ip knows no xfrm' '' ip xfrm policy
  elif have ip; then
    capture_filtered blank_xfrm xfrm.txt sh -c "$ip_path xfrm policy && $ip_path xfrm state"
  else
    record xfrm.txt 127 not-installed '' '' ip xfrm policy
  fi
  capture_filtered blank_wireguard wg.txt wg show all dump
  output_blocks=$table_blocks
  capture conntrack.txt conntrack -L -o extended
  output_blocks=$usual_blocks
}

# --------------------------------------------------------------------------------------------------- files of a node

# The processes of the root network namespace whose names matter, one "program pid" a line. A user who is not root
# cannot see other users' namespaces; there, what runs in a pod's cgroup is left out instead.
find_programs() {
  for comm_file in /proc/[0-9]*/comm; do
    read -r comm <"$comm_file" || continue
    case $comm in
      k3s | k3s-server | k3s-agent) program=k3s ;;
      kubelet | kube-proxy | flanneld | tailscaled) program=$comm ;;
      *) continue ;;
    esac
    program_pid=${comm_file#/proc/}
    program_pid=${program_pid%/comm}
    if [ "$is_root" = yes ]; then
      grep -q "^$root_inode $program_pid\$" "$stage/processes" || continue
    elif grep -q kubepods "/proc/$program_pid/cgroup"; then
      continue
    fi
    printf '%s %s\n' "$program" "$program_pid"
  done 2>/dev/null | sort -k1,1 -k2,2n >"$stage/programs"
}

# Sets `found_pid` to the first process of a program; fails where none runs.
pid_of() {
  found_pid=$(sed -n "s/^$1 //p" "$stage/programs" | sed 1q)
  [ -n "$found_pid" ]
}

arguments_of() { tr '\000' '\n' <"/proc/$1/cmdline" 2>/dev/null | sed '/^$/d'; }

# argument_of PID NAME: the value of --NAME=V or --NAME V (one dash as well, as Go programs take it).
argument_of() {
  arguments_of "$1" | sed -n -e "s/^--*$2=//p" -e "/^--*$2\$/{n;p;}" | sed -n '$p'
}

collect_command_lines() {
  for program in k3s kubelet kube-proxy flanneld tailscaled; do
    if pid_of "$program"; then
      capture_filtered command_line "cmdline/$program.txt" cat "/proc/$found_pid/cmdline"
    else
      record "cmdline/$program.txt" '' absent "no $program runs here" ''
    fi
  done
}

command_line() { tr '\000' '\n' | sed '/^$/d' | blank_arguments; }

# What kubelet hands to pods as their resolver: what it was told, or what k3s chooses when it was told nothing
# (k3s 1.2x to 1.3x, pkg/agent/config: /etc/resolv.conf, unless a name server in it is a loopback address, then systemd's).
collect_kubelet_resolver() {
  resolver=
  if pid_of kubelet; then
    resolver=$(argument_of "$found_pid" resolv-conf)
    [ -n "$resolver" ] || resolver=$(yaml_value resolvConf /var/lib/kubelet/config.yaml)
  elif pid_of k3s; then
    resolver=$(argument_of "$found_pid" resolv-conf)
    [ -n "$resolver" ] || resolver=$(yaml_value resolv-conf /etc/rancher/k3s/config.yaml)
    if [ -z "$resolver" ] && grep -q '^ *nameserver *\(127\.\|::1\)' /etc/resolv.conf 2>/dev/null &&
      [ -f /run/systemd/resolve/resolv.conf ]; then
      resolver=/run/systemd/resolve/resolv.conf
    fi
  else
    record kubelet-resolv.conf '' absent 'neither kubelet nor k3s runs here' ''
    return
  fi
  copy kubelet-resolv.conf "${resolver:-/etc/resolv.conf}"
}

yaml_value() {
  [ -f "$2" ] || return 0
  sed -n "s/^$1:[[:space:]]*[\"']*\([^\"'#]*[^\"'# ]\)[\"']*.*/\1/p" "$2" 2>/dev/null | sed 1q
}

# copy_all FOLDER PATH…: each regular file under its own name; the first of two with one name wins, as it does for the
# programs that read these folders (/etc before /usr).
copy_all() {
  copy_folder=$1
  shift
  for copy_path; do
    [ -f "$copy_path" ] || continue
    copy_name=${copy_path##*/}
    [ ! -e "$folder/$copy_folder/$copy_name" ] || continue
    copy "$copy_folder/$copy_name" "$copy_path"
  done
}

collect_firewall_files() {
  for firewall_path in /etc/default/ufw /etc/ufw/ufw.conf /etc/ufw/*.rules /etc/firewalld/firewalld.conf \
    /etc/firewalld/direct.xml /etc/firewalld/zones/*.xml /etc/firewalld/policies/*.xml /etc/nftables.conf \
    /etc/nftables/*.nft /etc/nftables.d/*.nft /etc/sysconfig/nftables.conf /etc/sysconfig/iptables \
    /etc/sysconfig/ip6tables /etc/iptables/rules.v4 /etc/iptables/rules.v6; do
    [ -f "$firewall_path" ] || continue
    copy "firewall/$(printf '%s' "${firewall_path#/etc/}" | tr / -)" "$firewall_path"
  done
}

collect_logs() {
  capture units.txt systemctl list-units --all --no-legend
  output_blocks=$log_blocks
  for unit in k3s k3s-agent kubelet tailscaled flanneld docker; do
    collect_log "$unit"
  done
  capture_filtered newest_lines journal/kernel.log dmesg
  output_blocks=$usual_blocks
  if pid_of tailscaled && [ -f "/proc/$found_pid/fd/2" ]; then
    capture_filtered blank_secrets tailscaled.log tail -n "$log_lines" "/proc/$found_pid/fd/2"
  elif [ -f /var/log/tailscaled.log ]; then
    capture_filtered blank_secrets tailscaled.log tail -n "$log_lines" /var/log/tailscaled.log
  fi
}

# A unit's journal; where systemd keeps none, the file that the program's stderr goes to, or OpenRC's usual one.
collect_log() {
  if [ -s "$folder/units.txt" ]; then
    grep -q "[[:space:]]*$1\.service" "$folder/units.txt" || return 0
    capture_filtered blank_secrets "journal/$1.log" journalctl -u "$1" -n "$log_lines" --no-pager -o short-iso
    return
  fi
  [ "$1" != tailscaled ] || return 0
  if pid_of "${1%-agent}" && [ -f "/proc/$found_pid/fd/2" ]; then
    capture_filtered blank_secrets "journal/$1.log" tail -n "$log_lines" "/proc/$found_pid/fd/2"
  elif [ -f "/var/log/$1.log" ]; then
    capture_filtered blank_secrets "journal/$1.log" tail -n "$log_lines" "/var/log/$1.log"
  fi
}

# collect_tailscale OPTION…: by tailscaled's own command. The first failure to answer answers for the rest: a daemon that
# is down costs each command two seconds, and one that hangs its whole time. `netcheck` would then go to the internet by
# itself (tailscale 1.9x fetches the relay map from the public control server), so it comes last and only when asked for.
collect_tailscale() {
  tailscale_silence=
  tailscale_answer tailscale-version.json "$@" version --json
  [ "$problem" = timed-out ] || tailscale_silence=
  tailscale_answer tailscale-status.json "$@" status --json
  tailscale_answer tailscale-prefs.json "$@" debug prefs
  tailscale_answer tailscale-netmap.json "$@" debug netmap
  tailscale_answer tailscale-serve.json "$@" serve status --json
  tailscale_answer tailscale-lock.json "$@" lock status --json
  tailscale_answer tailscale-metrics.txt "$@" metrics print
  [ "$netcheck" = no ] || tailscale_answer tailscale-netcheck.json "$@" netcheck --format=json
}

tailscale_answer() {
  tailscale_file=$1
  shift
  if ! have tailscale; then
    problem=not-installed
    record "$tailscale_file" 127 not-installed '' '' tailscale "$@"
    return
  fi
  if [ -n "$tailscale_silence" ]; then
    record "$tailscale_file" '' "$tailscale_silence" 'not asked: tailscaled had not answered before' '' tailscale "$@"
    return
  fi
  capture_filtered blank_secrets "$tailscale_file" tailscale "$@"
  case $tailscale_file:$problem in
    *:timed-out) tailscale_silence=timed-out ;;
    tailscale-status.json:failed) tailscale_silence=failed ;;
  esac
}

collect_tailscale_of_node() {
  socket=
  state_folder=/var/lib/tailscale
  if pid_of tailscaled; then
    socket=$(argument_of "$found_pid" socket)
    state_folder=$(tailscale_state_folder "$found_pid")
  fi
  if [ -n "$socket" ]; then collect_tailscale "--socket=$socket"; else collect_tailscale; fi
  if [ -d "$state_folder/certs" ]; then
    capture tailscale-certs.txt ls -l "$state_folder/certs"
  else
    record tailscale-certs.txt '' absent '' '' ls -l "$state_folder/certs"
  fi
}

tailscale_state_folder() {
  state_path=$(argument_of "$1" statedir)
  if [ -z "$state_path" ]; then
    state_path=$(argument_of "$1" state)
    case $state_path in
      */*) state_path=${state_path%/*} ;;
      *) state_path= ;;
    esac
  fi
  printf '%s' "${state_path:-/var/lib/tailscale}"
}

collect_clock() {
  if [ -n "$collector_time" ]; then
    printf '{"nodeTime":"%s","collectorTime":"%s"}\n' "$begun_at" "$collector_time" >"$folder/clock.json"
  else
    printf '{"nodeTime":"%s"}\n' "$begun_at" >"$folder/clock.json"
  fi
}

# The names of routing tables, the distribution's before the administrator's, so that the later line wins.
collect_table_names() {
  set --
  for names_path in /usr/lib/iproute2/rt_tables /usr/share/iproute2/rt_tables /usr/share/iproute2/rt_tables.d/*.conf \
    /etc/iproute2/rt_tables /etc/iproute2/rt_tables.d/*.conf; do
    [ -f "$names_path" ] && set -- "$@" "$names_path"
  done
  if [ $# -gt 0 ]; then
    capture rt_tables cat "$@"
  else
    record rt_tables '' absent '' '' cat /etc/iproute2/rt_tables
  fi
}

collect_machine() {
  collect_clock
  collect_namespace
  copy resolv.conf /etc/resolv.conf
  copy hosts /etc/hosts
  copy nsswitch.conf /etc/nsswitch.conf
  copy os-release /etc/os-release /usr/lib/os-release
  capture uname.txt uname -a
  collect_table_names
  capture resolvectl.txt resolvectl status
  collect_command_lines
  collect_kubelet_resolver
  copy ip_vs.txt /proc/net/ip_vs
  if [ -f /etc/rancher/k3s/config.yaml ]; then
    capture_filtered blank_yaml k3s-config.yaml cat /etc/rancher/k3s/config.yaml
  else
    record k3s-config.yaml '' absent '' '' cat /etc/rancher/k3s/config.yaml
  fi
  for config_path in /etc/rancher/k3s/config.yaml.d/*.yaml; do
    [ -f "$config_path" ] || continue
    capture_filtered blank_yaml "k3s-config.d/${config_path##*/}" cat "$config_path"
  done
  copy_all cni /var/lib/rancher/k3s/agent/etc/cni/net.d/*.conf /var/lib/rancher/k3s/agent/etc/cni/net.d/*.conflist \
    /etc/cni/net.d/*.conf /etc/cni/net.d/*.conflist /etc/cni/net.d/*.json
  copy subnet.env /run/flannel/subnet.env
  copy_all sysctl.d /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \
    /lib/sysctl.d/*.conf /etc/sysctl.conf
  collect_firewall_files
  collect_tailscale_of_node
  collect_logs
}

# ------------------------------------------------------------------------------------------------- pods' namespaces

# Every process with its network namespace, one "inode pid" a line; what cannot be seen is left out.
list_processes() {
  # Names in /proc are numbers: ls is safe to read here, and one ls for all is far cheaper than a readlink for each.
  # shellcheck disable=SC2012
  ls -l /proc/[0-9]*/ns/net 2>/dev/null |
    sed -n 's#.* /proc/\([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$#\2 \1#p' |
    sort -k1,1n -k2,2n >"$stage/processes"
  # shellcheck disable=SC2012
  root_inode=$(ls -l /proc/self/ns/net 2>/dev/null | sed -n 's#.* -> net:\[\([0-9]*\)\]$#\1#p')
}

# The names of `ip netns`, one "inode name" a line.
list_named_namespaces() {
  for netns_path in /run/netns/*; do
    [ -e "$netns_path" ] || continue
    case ${netns_path##*/} in
      *[!A-Za-z0-9._-]*) continue ;;
    esac
    # shellcheck disable=SC2012
    ls -dLi "$netns_path" 2>/dev/null | sed -n "s#^ *\([0-9]*\) .*#\1 ${netns_path##*/}#p"
  done >"$stage/named"
}

# Groups both lists by namespace: "inode name-or-dash pid pid …", with at most eight processes of each.
group_namespaces() {
  while read -r inode pid; do
    printf '%s 1 %s\n' "$inode" "$pid"
  done <"$stage/processes" >"$stage/both"
  while read -r inode netns; do
    printf '%s 0 %s\n' "$inode" "$netns"
  done <"$stage/named" >>"$stage/both"
  sort -k1,1n -k2,2n "$stage/both" >"$stage/sorted"
  group_inode='' group_name=- group_pids='' group_size=0
  {
    while read -r inode kind value; do
      if [ "$inode" != "$group_inode" ]; then
        print_group
        group_inode=$inode group_name=- group_pids='' group_size=0
      fi
      if [ "$kind" = 0 ]; then
        [ "$group_name" != - ] || group_name=$value
      elif [ "$group_size" -lt 8 ]; then
        group_size=$((group_size + 1))
        group_pids="$group_pids $value"
      fi
    done
    print_group
  } <"$stage/sorted" >"$stage/groups"
}

print_group() {
  [ -n "$group_inode" ] && [ "$group_inode" != "$root_inode" ] || return 0
  printf '%s %s%s\n' "$group_inode" "$group_name" "$group_pids"
}

# namespace_pod, both spelled as Kubernetes allows, with exactly one underscore.
is_pod_name() {
  case $1 in
    *_*_* | *[!a-z0-9._-]* | _* | *_ | -* | *- | .* | *.) return 1 ;;
    *_*) return 0 ;;
  esac
  return 1
}

# The pod's UID stands in the cgroup of each of its processes (with - as _ under systemd), and kubelet names the folder
# of its logs <namespace>_<pod>_<uid>.
name_by_cgroup() {
  pod_uid=$(sed -n 's/.*pod\([0-9a-f]\{8\}[-_][0-9a-f_-]\{27\}\).*/\1/p; s/.*pod\([0-9a-f]\{32\}\)[^0-9a-f].*/\1/p' \
    "/proc/$1/cgroup" 2>/dev/null | sed 1q | tr _ -)
  [ -n "$pod_uid" ] || return 1
  for pod_logs in "/var/log/pods/"*"_$pod_uid"; do
    [ -d "$pod_logs" ] || continue
    pod_name=${pod_logs##*/}
    pod_name=${pod_name%"_$pod_uid"}
    is_pod_name "$pod_name" && return 0
  done
  return 1
}

name_by_files() {
  pod_of=$(read_pod_file "$1" var/run/secrets/kubernetes.io/serviceaccount/namespace | sed 1q)
  [ -n "$pod_of" ] || return 1
  pod_name=${pod_of}_$(read_pod_file "$1" etc/hostname | sed 1q)
  is_pod_name "$pod_name"
}

# Prints a file of a container, at most 64 KiB. A container may have put a link there that would lead, seen from here, to
# a file of the machine itself: so the opened file must lie on a mount that this shell does not have, unless the process
# shares this shell's mounts.
read_pod_file() {
  pod_file=/proc/$1/root/$2
  [ -f "$pod_file" ] || return 1
  (
    exec 3<"$pod_file" || exit 1
    mount_id=
    while read -r key value; do
      [ "$key" != mnt_id: ] || mount_id=$value
    done </proc/self/fdinfo/3
    [ -n "$mount_id" ] || exit 1
    ! shares_mounts "$1" || [ "$(readlink "/proc/$1/root")" != / ] || mount_id=none
    ! grep -q "^$mount_id " /proc/self/mountinfo || exit 1
    head -c 65536 <&3
  ) 2>/dev/null
}

shares_mounts() { [ "$(readlink "/proc/$1/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]; }

# Sets `pod_name` for a namespace; `rank` puts pods before namespaces that nobody could name.
name_namespace() {
  name_inode=$1 name_netns=$2
  shift 2
  rank=0
  pod_name=$name_netns
  ! is_pod_name "$pod_name" || return 0
  for name_pid; do
    ! name_by_cgroup "$name_pid" || return 0
  done
  for name_pid; do
    ! name_by_files "$name_pid" || return 0
  done
  rank=1
  pod_name=netns_$name_netns
  [ "$name_netns" != - ] || pod_name=netns_$name_inode
}

# A namespace without a name of its own and with nothing but a loopback device belongs to a sandboxed service, not a pod.
is_bare() {
  [ "$rank" = 1 ] && [ "$2" = - ] && [ $# -ge 3 ] || return 1
  ! grep -q '^ *[^ ]*:' "/proc/$3/net/dev" || ! sed 's/^ *lo:.*//' "/proc/$3/net/dev" | grep -q ':'
}

collect_pods() {
  if [ "$is_root" = no ]; then
    record pods/ '' forbidden 'not root: the network namespaces of pods cannot be entered' ''
    return
  fi
  list_named_namespaces
  group_namespaces
  while read -r group; do
    # The line is words without blanks or wildcards: numbers and names of the safe kind.
    # shellcheck disable=SC2086
    set -- $group
    name_namespace "$@"
    ! is_bare "$@" 2>/dev/null || continue
    printf '%s %s %s\n' "$rank" "$pod_name" "$group"
  done <"$stage/groups" | sort -k1,1n -k2,2 >"$stage/pods"
  pod_count=0
  while read -r rank pod_name inode netns pids; do
    pod_count=$((pod_count + 1))
    [ "$pod_count" -le "$max_pods" ] || continue
    collect_pod
  done <"$stage/pods"
  folder=$bundle/$machine prefix=$machine entry=root
  if [ "$pod_count" -gt "$max_pods" ]; then
    record pods/ '' truncated "$pod_count namespaces found, the first $max_pods collected (--max-pods)" ''
    say "$pod_count pod namespaces found, the first $max_pods collected; --max-pods takes more"
  fi
}

collect_pod() {
  pod_pid=${pids%% *}
  [ ! -e "$bundle/$machine/pods/$pod_name" ] || pod_name=netns_$inode
  prefix=$machine/pods/$pod_name
  folder=$bundle/$prefix
  choose_entry
  if [ -z "$entry" ]; then
    record '' '' not-installed 'nsenter and ip netns are both missing' ''
    return
  fi
  mkdir -p "$folder"
  collect_namespace
  collect_pod_files
  collect_tailscale_of_pod
  check_room
}

choose_entry() {
  entry=
  if have nsenter; then
    if [ "$netns" != - ]; then entry=file:/run/netns/$netns; else entry=pid:$pod_pid; fi
  elif [ "$netns" != - ] && have ip && [ "$ip_kind" != busybox ]; then
    entry=name:$netns
  fi
}

# The resolver's files as the pod's processes see them. The first process may be the sandbox's own, which has none.
collect_pod_files() {
  for pod_file_name in resolv.conf hosts nsswitch.conf; do
    for file_pid in $pids; do
      read_pod_file "$file_pid" "etc/$pod_file_name" >"$stage/pod-file" || continue
      cat "$stage/pod-file" >"$folder/$pod_file_name"
      break
    done
    if [ ! -e "$folder/$pod_file_name" ] && [ "$netns" != - ] && [ -f "/etc/netns/$netns/$pod_file_name" ]; then
      cat "/etc/netns/$netns/$pod_file_name" >"$folder/$pod_file_name"
    fi
  done
}

# A proxy or sidecar runs its own tailscaled. This machine's command asks it through the pod's socket: a program out of
# the container would run here as root.
collect_tailscale_of_pod() {
  have tailscale || return 0
  for file_pid in $pids; do
    read -r comm <"/proc/$file_pid/comm" 2>/dev/null || continue
    [ "$comm" = tailscaled ] || continue
    pod_socket=$(argument_of "$file_pid" socket)
    entry=root
    collect_tailscale "--socket=/proc/$file_pid/root${pod_socket:-/tmp/tailscaled.sock}"
    return
  done
}

# ---------------------------------------------------------------------------------------------------------- the whole

# A node is called what kubelet registered, which is the host's name only where nobody said otherwise.
find_node_name() {
  if [ -z "$name" ] && pid_of kubelet; then name=$(argument_of "$found_pid" hostname-override); fi
  if [ -z "$name" ] && pid_of k3s; then
    name=$(argument_of "$found_pid" node-name)
    [ -n "$name" ] || name=$(tr '\000' '\n' <"/proc/$found_pid/environ" 2>/dev/null | sed -n 's/^K3S_NODE_NAME=//p')
    [ -n "$name" ] || name=$(yaml_value node-name /etc/rancher/k3s/config.yaml)
  fi
  [ -n "$name" ] || name=$(uname -n | tr '[:upper:]' '[:lower:]')
  case $name in
    '' | .* | -* | *[!A-Za-z0-9._-]*)
      say "this machine's name, '$name', cannot stand in a file name; give another with --name"
      exit 2
      ;;
  esac
}

# The first `ip` on the PATH that is not busybox's, else that. A shell that is itself busybox would take its own before
# any on the PATH, so the one chosen is called by its whole path.
find_ip() {
  ip_kind=none ip_path=
  old_ifs=$IFS
  IFS=:
  for tool_folder in $PATH; do
    [ -x "$tool_folder/ip" ] || continue
    case $("$tool_folder/ip" -V 2>&1) in
      *iproute2*)
        ip_kind=iproute2 ip_path=$tool_folder/ip
        break
        ;;
      *) [ -n "$ip_path" ] || ip_kind=busybox ip_path=$tool_folder/ip ;;
    esac
  done
  IFS=$old_ifs
}

find_tools() {
  # sbin folders are missing from the PATH of most users, and k3s brings tools of its own, good enough as a last resort.
  if [ -n "${WAYLAID_COLLECT_PATH:-}" ]; then
    PATH=$WAYLAID_COLLECT_PATH
  else
    PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    PATH=$PATH:/var/lib/rancher/k3s/data/current/bin:/var/lib/rancher/k3s/data/current/bin/aux
  fi
  export PATH
  SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
  export SYSTEMD_PAGER SYSTEMD_COLORS
  is_root=no
  [ "$(id -u)" != 0 ] || is_root=yes
  setsid=
  ! have setsid || setsid=yes
  find_ip
  sysctl_kind=by-hand
  if have sysctl && sysctl -a -r '^net\.ipv4\.ip_forward$' 2>/dev/null | grep -q '^net\.ipv4\.ip_forward = '; then
    sysctl_kind=pattern
  fi
}

# A tool that could not write all of its output may say so or not, so a full disk is looked for after each namespace.
check_room() {
  head -c 65536 /dev/zero >"$stage/probe" 2>/dev/null || fail "$stage cannot be written; is the disk full?"
  rm -f "$stage/probe"
}

# A folder for temporary files, on the first file system that has room for more than a few of them. /run comes first: only
# root can write there, it is memory and not somebody's SD card, and what a crash leaves there is gone after a restart.
make_stage() {
  for stage_parent in "${TMPDIR:-/run}" /run /tmp /var/tmp /dev/shm .; do
    stage=$stage_parent/waylaid-collect.$$
    if mkdir "$stage" 2>/dev/null; then
      if head -c 1048576 /dev/zero >"$stage/probe" 2>/dev/null; then
        rm -f "$stage/probe"
        bundle=$stage/bundle
        mkdir "$bundle" && : >"$stage/items" && return
      fi
      rm -rf "$stage"
    fi
  done
  stage=
  fail "no room for temporary files in ${TMPDIR:-/run}, /tmp, /var/tmp, /dev/shm or the current folder"
}

clean_up() {
  [ -z "${child:-}" ] || signal_child TERM
  [ -z "${guard:-}" ] || { kill "$guard" && wait "$guard"; } 2>/dev/null
  [ -z "${stage:-}" ] || rm -rf "$stage"
  [ -z "${partial:-}" ] || rm -rf "$partial"
}

pack() {
  (cd "$bundle" && tar cf - waylaid.json "${machine%%/*}")
}

deliver() {
  if [ "$to_stdout" = yes ]; then
    have tar || fail 'tar is not installed; --output DIR works without it'
    [ -z "$marker" ] || printf '%s\n' "$marker"
    pack || fail 'the tar stream could not be written'
    return
  fi
  if [ -z "$output" ]; then
    output=waylaid-$name-$(date -u +%Y%m%dT%H%M%SZ)
    if have tar && have gzip; then output=$output.tar.gz; elif have tar; then output=$output.tar; fi
  fi
  [ ! -e "$output" ] || fail "$output exists already; choose another with --output"
  partial=$output.partial.$$
  case $output in
    *.tar.gz | *.tgz)
      if ! have tar || ! have gzip; then fail 'tar or gzip is not installed; --output DIR works without them'; fi
      { pack || : >"$stage/unpacked"; } | gzip -c 2>/dev/null >"$partial" || fail "$output could not be written"
      [ ! -e "$stage/unpacked" ] || fail "$output could not be written"
      ;;
    *.tar)
      have tar || fail 'tar is not installed; --output DIR works without it'
      pack 2>/dev/null >"$partial" || fail "$output could not be written"
      ;;
    *) cp -R "$bundle" "$partial" 2>/dev/null || fail "$output could not be written" ;;
  esac
  mv "$partial" "$output" || fail "$output could not be written"
  partial=
  say "wrote $output: $(find "$bundle" -type f | wc -l | tr -d ' ') files; $problems commands or files gave nothing (listed in its waylaid.json)"
  [ "$is_root" = yes ] || say 'not run as root: firewall rules, processes and pod namespaces are missing; run it with sudo to have them'
}

fail() {
  say "$*"
  exit 1
}

need_number() {
  is_number "$2" || {
    say "$1 takes a number, not '$2'"
    exit 2
  }
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --host | --stdout | --netcheck | -h | --help) ;;
      --name | --output | --max-pods | --timeout | --deadline | --collector-time | --marker)
        [ $# -ge 2 ] || {
          say "$1 needs a value"
          exit 2
        }
        ;;
      *)
        say "unknown option $1; see --help"
        exit 2
        ;;
    esac
    case $1 in
      -h | --help) usage && exit 0 ;;
      --host) root_folder=hosts ;;
      --stdout) to_stdout=yes ;;
      --netcheck) netcheck=yes ;;
      --name) name=$2 && shift ;;
      --output) output=$2 && shift ;;
      --max-pods) need_number "$1" "$2" && max_pods=$2 && shift ;;
      --timeout) need_number "$1" "$2" && command_s=$2 && shift ;;
      --deadline) need_number "$1" "$2" && deadline_s=$2 && shift ;;
      --collector-time) collector_time=$2 && shift ;;
      --marker) marker=$2 && shift ;;
    esac
    shift
  done
}

main() {
  name='' root_folder=nodes output='' to_stdout=no max_pods=250 command_s=10 deadline_s=600 netcheck=no
  collector_time='' marker='' filter='' entry=root started_at='' problems=0 clock='' clock_second='' problem=''
  expects_json=no child='' guard='' stage='' partial='' log_lines=2000 run_number=0
  # ulimit counts blocks of 512 bytes (bash: 1024): 32 MiB for any command, 2 MiB for a log, 4 MiB for conntrack's table.
  usual_blocks=65536 log_blocks=4096 table_blocks=8192
  output_blocks=$usual_blocks
  read_options "$@"
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 141' PIPE
  find_tools
  read_clock
  begun_at=$clock
  deadline_cs=$((uptime_cs + deadline_s * 100))
  make_stage
  start_guard
  list_processes
  find_programs
  find_node_name
  machine=$root_folder/$name
  prefix=$machine
  folder=$bundle/$machine
  mkdir -p "$folder" || fail "$folder cannot be written; is the disk full?"
  collect_machine
  check_room
  collect_pods
  write_manifest || fail "$stage cannot be written; is the disk full?"
  deliver
}

main "$@"
