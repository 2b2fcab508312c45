package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/dnstype"
)

// config is what a tailnet's administrator decides. Everything is optional: the zero value is a tailnet that
// approves every advertised route and lets everybody reach everything.
type config struct {
	// Tailnet is the name that clients show for the network ("lab.example" when empty).
	Tailnet string `json:"tailnet"`
	// MagicDNSSuffix turns MagicDNS on and ends each machine's name ("tail0000.ts.net").
	MagicDNSSuffix string    `json:"magicDNSSuffix"`
	DNS            dnsConfig `json:"dns"`
	// HTTPS gives every machine the capability, and with MagicDNS the name, to ask for a certificate.
	HTTPS bool `json:"https"`
	// PacketFilter absent means allow all; an empty list means that nothing is allowed in.
	PacketFilter *[]tailcfg.FilterRule `json:"packetFilter"`
	// Machines is keyed by the host name that the machine registered with.
	Machines map[string]machine `json:"machines"`
}

type dnsConfig struct {
	Nameservers []string            `json:"nameservers"`
	SearchPaths []string            `json:"searchPaths"`
	SplitDNS    map[string][]string `json:"splitDns"`
}

type machine struct {
	// ApprovedRoutes absent means whatever the machine advertises; an empty list approves none.
	ApprovedRoutes *[]netip.Prefix    `json:"approvedRoutes"`
	Tags           []string           `json:"tags"`
	KeyExpiry      *time.Time         `json:"keyExpiry"`
	Capabilities   tailcfg.NodeCapMap `json:"capabilities"`
	// Hidden machines are in nobody's netmap but their own, as if no policy rule named them.
	Hidden bool `json:"hidden"`
	// Offline machines are shown offline to their peers, whatever their connection says.
	Offline bool `json:"offline"`
}

// readConfig reads path, or gives the zero config for an empty path. Unknown keys are errors: a misspelt key
// would otherwise silently make the lab healthier than its author meant.
func readConfig(path string) (*config, error) {
	c := new(config)
	if path == "" {
		return c, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *config) tailnetName() string {
	if c.Tailnet == "" {
		return "lab.example"
	}
	return c.Tailnet
}

func (c *config) filterRules() []tailcfg.FilterRule {
	if c.PacketFilter == nil {
		return tailcfg.FilterAllowAll
	}
	return *c.PacketFilter
}

// approvedRoutes is what the administrator lets node route, of what it advertises now.
func (c *config) approvedRoutes(node *tailcfg.Node) []netip.Prefix {
	if !node.Hostinfo.Valid() {
		return nil
	}
	advertised := node.Hostinfo.RoutableIPs().AsSlice()
	approved := c.Machines[node.Hostinfo.Hostname()].ApprovedRoutes
	if approved == nil {
		return advertised
	}
	return slices.DeleteFunc(advertised, func(p netip.Prefix) bool { return !slices.Contains(*approved, p) })
}

// dnsFor is the DNS part of hostname's netmap. It is never nil, which clients would read as "unchanged".
func (c *config) dnsFor(hostname string) *tailcfg.DNSConfig {
	dns := &tailcfg.DNSConfig{
		Resolvers: resolvers(c.DNS.Nameservers),
		Domains:   slices.Clone(c.DNS.SearchPaths),
		Proxied:   c.MagicDNSSuffix != "",
	}
	for suffix, addresses := range c.DNS.SplitDNS {
		if dns.Routes == nil {
			dns.Routes = map[string][]*dnstype.Resolver{}
		}
		dns.Routes[suffix] = resolvers(addresses)
	}
	if c.MagicDNSSuffix != "" {
		dns.Domains = append([]string{c.MagicDNSSuffix}, dns.Domains...)
		if c.HTTPS {
			dns.CertDomains = []string{hostname + "." + c.MagicDNSSuffix}
		}
	}
	return dns
}

func resolvers(addresses []string) []*dnstype.Resolver {
	var out []*dnstype.Resolver
	for _, a := range addresses {
		out = append(out, &dnstype.Resolver{Addr: a})
	}
	return out
}
