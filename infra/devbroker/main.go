// The embedded dev broker: franz-go's kfake behind five flags, for `leadstream demo` and quick tests.
// One node, loopback only, topics never created by accident. It is not Apache Kafka and says so.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9092", "127.0.0.1:PORT to serve on; port 0 takes a free one")
	dataDir := flag.String("data-dir", "", "folder that keeps the log across restarts; empty keeps it in memory")
	partitions := flag.Int("partitions", 4, "partitions of a topic created without a count")
	cleaner := flag.Duration("log-cleaner-backoff", 15*time.Second, "pause between compactions")
	session := flag.Duration("group-min-session-timeout", time.Second, "shortest session a group member may ask for")
	leashed := flag.Bool("exit-on-stdin-close", false, "stop when the process that holds our stdin is gone")
	flag.Parse()

	cluster, err := serve(*listen, *dataDir, *partitions, *cleaner, *session)
	if err != nil {
		fmt.Fprintln(os.Stderr, "devbroker:", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"bootstrap": cluster.ListenAddrs()[0], "version": version()})

	done := make(chan os.Signal, 1)
	signal.Notify(done, syscall.SIGTERM, syscall.SIGINT)
	if *leashed {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			done <- syscall.SIGTERM
		}()
	}
	<-done
	cluster.Close()
}

// serve starts one broker, or says why the address or the data folder cannot be used.
func serve(listen, dataDir string, partitions int, cleaner, session time.Duration) (*kfake.Cluster, error) {
	text, loopback := strings.CutPrefix(listen, "127.0.0.1:")
	port, err := strconv.Atoi(text)
	if !loopback || err != nil {
		return nil, fmt.Errorf("-listen %s: want 127.0.0.1:PORT; this broker is for one machine", listen)
	}
	return kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(port),
		kfake.ClusterID("leadstream-dev"),
		kfake.DefaultNumPartitions(partitions),
		kfake.GroupMinSessionTimeout(session),
		kfake.DataDir(dataDir),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms":     strconv.FormatInt(cleaner.Milliseconds(), 10),
			"default.replication.factor": "1",
		}),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	)
}

// version is kfake's own, as go.sum pins it.
func version() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "github.com/twmb/franz-go/pkg/kfake" {
				return module.Version
			}
		}
	}
	return "unknown"
}
