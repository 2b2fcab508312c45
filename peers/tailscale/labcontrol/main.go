// Program labcontrol is a control server with DERP and STUN for a tailnet inside network namespaces: real
// tailscaled processes log in to it and get their routes, packet filter and DNS from a JSON file (config.go).
// In: flags and the file, read again on SIGHUP. Out: one line "labcontrol ready URL" on stdout once machines can
// log in, then logs on stderr. Everything is in memory: machines get 100.64.0.N in the order of their first login.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/logger"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	// Not flag.CommandLine: the integration package puts its own test flags there.
	flags := flag.NewFlagSet("labcontrol", flag.ExitOnError)
	listen := flags.String("listen", "", "IP:PORT that machines log in to; DERP and STUN use free ports of the same IP")
	configPath := flags.String("config", "", "JSON file with the tailnet's configuration (default: allow and approve all)")
	flags.Parse(os.Args[1:])
	if err := serve(*listen, *configPath); err != nil {
		log.Fatalf("labcontrol: %v", err)
	}
}

func serve(listen, configPath string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("-listen must be IP:PORT: %w", err)
	}
	config, err := readConfig(configPath)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	server := &testcontrol.Server{
		DERPMap:                 integration.RunDERPAndSTUN(mainTB{}, logger.Discard, host),
		ExplicitBaseURL:         url,
		MagicDNSDomain:          config.MagicDNSSuffix,
		AllNodesSameUser:        true,
		DefaultNodeCapabilities: &tailcfg.NodeCapMap{},
	}
	tailnet := newTailnet(server, config)
	go reloadOnHangup(tailnet, configPath)
	fmt.Println("labcontrol ready", url)
	return http.Serve(listener, server)
}

// reloadOnHangup applies the file again on each SIGHUP. A file that cannot be read changes nothing. The MagicDNS
// suffix is part of names given at login, so a new one reaches only machines that log in afterwards.
func reloadOnHangup(tailnet *tailnet, configPath string) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	for range hangup {
		config, err := readConfig(configPath)
		if err != nil {
			log.Printf("labcontrol: kept the old configuration: %v", err)
			continue
		}
		tailnet.setConfig(config)
		log.Printf("labcontrol: applied %s", configPath)
	}
}

// mainTB lets the library's DERP and STUN run outside a test. Only the methods that they call are defined; the
// embedded nil interface satisfies the rest of the type and would panic, loudly, if that ever changed.
type mainTB struct{ testing.TB }

func (mainTB) Helper()                           {}
func (mainTB) Cleanup(func())                    {} // both run until the process ends
func (mainTB) Logf(format string, args ...any)   { log.Printf(format, args...) }
func (mainTB) Fatal(args ...any)                 { log.Fatal(args...) }
func (mainTB) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
