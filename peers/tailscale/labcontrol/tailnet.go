package main

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/key"
)

// keepAlive is shorter than the two minutes of silence after which a client gives up its map stream.
const keepAlive = 50 * time.Second

// tailnet adds an administrator's decisions to testcontrol, which by itself sends allow-all to everybody and
// approves no route. It takes over the map streams (AltMapStream): the library's other hooks touch only the
// first response of a stream, or stop its automatic responses for good.
type tailnet struct {
	server  *testcontrol.Server
	started time.Time

	mu      sync.Mutex
	config  *config
	streams map[key.NodePublic]int
	keys    map[tailcfg.NodeID]key.NodePublic // the key that a machine last asked for a stream with
	changed chan struct{}                     // closed, and replaced, whenever somebody's netmap may have changed
}

func newTailnet(server *testcontrol.Server, c *config) *tailnet {
	t := &tailnet{
		server:  server,
		started: time.Now().UTC().Truncate(time.Second),
		config:  c,
		streams: map[key.NodePublic]int{},
		keys:    map[tailcfg.NodeID]key.NodePublic{},
		changed: make(chan struct{}),
	}
	server.AltMapStream = t.serveMap
	return t
}

// setConfig replaces the administrator's decisions and tells every connected machine.
func (t *tailnet) setConfig(c *config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.config = c
	t.announceLocked()
}

func (t *tailnet) announceLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// moment is what a netmap is made of besides the library's nodes.
type moment struct {
	config  *config
	streams map[key.NodePublic]int
	keys    map[tailcfg.NodeID]key.NodePublic
}

// isReplaced says that node is a leftover: the library keeps a machine's old entry, under the same ID, when a new
// login gives the machine a new key.
func (m moment) isReplaced(node *tailcfg.Node) bool {
	current, known := m.keys[node.ID]
	return known && current != node.Key
}

// serveMap answers one map request. A request that doesn't stream is how a client reports its host info and
// endpoints; a stream gets a full netmap at once and again after each change.
func (t *tailnet) serveMap(ctx context.Context, w testcontrol.MapStreamWriter, req *tailcfg.MapRequest) {
	if !req.Stream {
		if !req.ReadOnly {
			t.storeReport(req)
		}
		w.SendMapMessage(&tailcfg.MapResponse{})
		return
	}
	t.countStream(req.NodeKey, +1)
	defer t.countStream(req.NodeKey, -1)
	for {
		t.mu.Lock()
		now := moment{t.config, maps.Clone(t.streams), maps.Clone(t.keys)}
		changed := t.changed
		t.mu.Unlock()
		response := t.buildResponse(req, now)
		if response == nil || w.SendMapMessage(response) != nil {
			return
		}
		if !waitForChange(ctx, w, changed) {
			return
		}
	}
}

// waitForChange reports whether there is something new to send; false means that the client is gone.
func waitForChange(ctx context.Context, w testcontrol.MapStreamWriter, changed <-chan struct{}) bool {
	ticker := time.NewTicker(keepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-changed:
			return true
		case <-ticker.C:
			if w.SendMapMessage(&tailcfg.MapResponse{KeepAlive: true}) != nil {
				return false
			}
		}
	}
}

func (t *tailnet) countStream(node key.NodePublic, by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams[node] += by
	if known := t.server.Node(node); known != nil && by > 0 {
		t.keys[known.ID] = node
	}
	t.announceLocked()
}

func (t *tailnet) storeReport(req *tailcfg.MapRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	node := t.server.Node(req.NodeKey)
	if node == nil {
		return
	}
	node.Endpoints = slices.DeleteFunc(slices.Clone(req.Endpoints), func(e netip.AddrPort) bool {
		return e.Addr().IsLinkLocalUnicast() // useless without the interface it belongs to
	})
	node.DiscoKey = req.DiscoKey
	node.Cap = req.Version
	if req.Hostinfo != nil {
		node.Hostinfo = req.Hostinfo.View()
		if info := req.Hostinfo.NetInfo; info != nil && info.PreferredDERP != 0 {
			node.HomeDERP = info.PreferredDERP
		}
	}
	t.server.UpdateNode(node)
	t.announceLocked()
}

// buildResponse is the whole netmap as req's machine should see it; nil when the machine is unknown.
func (t *tailnet) buildResponse(req *tailcfg.MapRequest, now moment) *tailcfg.MapResponse {
	response, err := t.server.MapResponse(req)
	if err != nil || response == nil {
		return nil
	}
	c := now.config
	clock := time.Now().UTC()
	response.ControlTime = &clock // the library says 2020, and clients judge key expiry by it
	response.Domain = c.tailnetName()
	// PacketFilter is left out of the JSON when empty, which clients read as "unchanged", so "nothing is
	// allowed" can only be said in the newer, named form: forget all filters, then this one.
	response.PacketFilter = nil
	response.PacketFilters = map[string][]tailcfg.FilterRule{"*": nil, "base": c.filterRules()}
	response.DNSConfig = c.dnsFor(response.Node.Hostinfo.Hostname())
	for i := range response.UserProfiles {
		response.UserProfiles[i].LoginName = "owner@" + c.tailnetName()
		response.UserProfiles[i].ProfilePicURL = ""
	}
	response.UserProfiles = append(response.UserProfiles, taggedDevices)

	primary := electPrimaries(t.server.AllNodes(), c)
	t.decorate(response.Node, now, primary)
	response.Peers = slices.DeleteFunc(response.Peers, func(p *tailcfg.Node) bool {
		return c.Machines[p.Hostinfo.Hostname()].Hidden || now.isReplaced(p)
	})
	for _, peer := range response.Peers {
		t.decorate(peer, now, primary)
	}
	return response
}

// decorate writes what the administrator decided about node into its netmap entry.
func (t *tailnet) decorate(node *tailcfg.Node, now moment, primary map[netip.Prefix]tailcfg.NodeID) {
	c := now.config
	m := c.Machines[node.Hostinfo.Hostname()]
	node.Created = t.started
	node.Tags = m.Tags
	if len(m.Tags) > 0 {
		node.User = taggedDevices.ID
	}
	up := now.streams[node.Key] > 0 && !m.Offline
	node.Online = &up
	if m.KeyExpiry != nil {
		node.KeyExpiry = *m.KeyExpiry
		node.Expired = m.KeyExpiry.Before(time.Now())
	}
	node.CapMap = maps.Clone(m.Capabilities)
	if c.HTTPS {
		if node.CapMap == nil {
			node.CapMap = tailcfg.NodeCapMap{}
		}
		node.CapMap[tailcfg.CapabilityHTTPS] = nil
	}
	node.PrimaryRoutes = nil
	for _, route := range c.approvedRoutes(node) {
		if primary[route] == node.ID {
			node.PrimaryRoutes = append(node.PrimaryRoutes, route)
		}
	}
	node.AllowedIPs = append(slices.Clone(node.Addresses), node.PrimaryRoutes...)
}

// taggedDevices stands for the user that owns tagged machines; the library knows no such user.
var taggedDevices = tailcfg.UserProfile{ID: 2, LoginName: "tagged-devices", DisplayName: "Tagged Devices"}

// electPrimaries gives each approved prefix to one machine, the longest registered: control sends a prefix in
// the allowed addresses of one router only, however many are approved for it.
func electPrimaries(nodes []*tailcfg.Node, c *config) map[netip.Prefix]tailcfg.NodeID {
	primary := map[netip.Prefix]tailcfg.NodeID{}
	for _, node := range nodes {
		if !node.Hostinfo.Valid() || c.Machines[node.Hostinfo.Hostname()].Offline {
			continue
		}
		for _, route := range c.approvedRoutes(node) {
			if id, taken := primary[route]; !taken || node.ID < id {
				primary[route] = node.ID
			}
		}
	}
	return primary
}
