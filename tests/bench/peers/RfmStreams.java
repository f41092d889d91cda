import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * A customer's orders, money, last order and a tier of them, kept in a store of Kafka Streams; tier changes go to a topic.
 *
 * <p>Run as {@code java RfmStreams BOOTSTRAP TOPIC OUTPUT EVENTS SUMS_FILE NAME STATE_DIRECTORY GUARANTEE}. Prints the
 * seconds from the first record to the last; what each customer came to is written to the file.
 */
public final class RfmStreams {
    private static final long[] TIERS_FROM_CENTS = {0, 20_000, 60_000, 150_000};
    private static final ObjectMapper JSON = new ObjectMapper();

    private RfmStreams() {}

    /** What is kept of a customer. */
    record Sums(long orders, long cents, long lastMs, int tier) {
        static final Sums NONE = new Sums(0, 0, Long.MIN_VALUE, 0);

        Sums plus(long addedCents, long atMs) {
            long total = cents + addedCents;
            int reached = 0;
            while (reached + 1 < TIERS_FROM_CENTS.length && total >= TIERS_FROM_CENTS[reached + 1]) {
                reached++;
            }
            return new Sums(orders + 1, total, Math.max(lastMs, atMs), reached);
        }
    }

    /** 28 bytes, so that the store is not slowed by JSON. */
    private static final Serde<Sums> SUMS =
            Serdes.serdeFrom(
                    (Serializer<Sums>)
                            (topic, s) ->
                                    s == null
                                            ? null
                                            : ByteBuffer.allocate(28)
                                                    .putLong(s.orders)
                                                    .putLong(s.cents)
                                                    .putLong(s.lastMs)
                                                    .putInt(s.tier)
                                                    .array(),
                    (Deserializer<Sums>)
                            (topic, bytes) -> {
                                if (bytes == null) {
                                    return null;
                                }
                                ByteBuffer b = ByteBuffer.wrap(bytes);
                                return new Sums(b.getLong(), b.getLong(), b.getLong(), b.getInt());
                            });

    /** Shared by the processors of all partitions; there is one thread. */
    private static final class Progress {
        final long wanted;
        final Map<String, long[]> found = new HashMap<>();
        final CountDownLatch done = new CountDownLatch(1);
        long seen;
        long beganNanos;
        long endedNanos;

        Progress(long wanted) {
            this.wanted = wanted;
        }

        void note(String customer, Sums sums) {
            found.put(customer, new long[] {sums.orders, sums.cents});
            if (seen++ == 0) {
                beganNanos = System.nanoTime();
            }
            if (seen == wanted) {
                endedNanos = System.nanoTime();
                done.countDown();
            }
        }
    }

    private static final class Rfm implements Processor<String, byte[], String, byte[]> {
        private final Progress progress;
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, Sums> customers;

        Rfm(Progress progress) {
            this.progress = progress;
        }

        @Override
        public void init(ProcessorContext<String, byte[]> given) {
            context = given;
            customers = given.getStateStore("customers");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            JsonNode order;
            try {
                order = JSON.readTree(record.value());
            } catch (java.io.IOException e) {
                throw new IllegalArgumentException(e);
            }
            String customer = order.get("customer_id").textValue();
            long cents = new BigDecimal(order.get("amount").textValue()).movePointRight(2).longValueExact();
            long at = Instant.parse(order.get("occurred_at").textValue()).toEpochMilli();
            Sums before = customers.get(customer);
            if (before == null) {
                before = Sums.NONE;
            }
            Sums after = before.plus(cents, at);
            customers.put(customer, after);
            if (after.tier != before.tier) {
                String change =
                        "{\"customer_id\":\"" + customer + "\",\"from\":" + before.tier + ",\"to\":" + after.tier + "}";
                context.forward(record.withValue(change.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
            }
            progress.note(customer, after);
        }
    }

    public static void main(String[] args) throws Exception {
        Progress progress = new Progress(Long.parseLong(args[3]));
        Topology topology = new Topology();
        topology.addSource("orders", new StringDeserializer(), new org.apache.kafka.common.serialization.ByteArrayDeserializer(), args[1]);
        topology.addProcessor("rfm", () -> new Rfm(progress), "orders");
        // A cache in front of RocksDB, as documented for stores whose keys come again: the changelog gets the last of each.
        topology.addStateStore(
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("customers"), Serdes.String(), SUMS)
                        .withCachingEnabled(),
                "rfm");
        topology.addSink("changes", args[2], new StringSerializer(), new ByteArraySerializer(), "rfm");

        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[5]);
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        p.put(StreamsConfig.STATE_DIR_CONFIG, args[6]);
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, args[7]);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.parseLong(args[8]));
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 1 << 16);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1 << 17);
        KafkaStreams streams = new KafkaStreams(topology, p);
        streams.setUncaughtExceptionHandler(
                e -> {
                    e.printStackTrace();
                    Runtime.getRuntime().halt(1);
                    return null;
                });
        streams.start();
        progress.done.await();
        // Closing commits what is open; after it nobody writes the sums any more.
        streams.close(Duration.ofSeconds(60));
        JSON.writeValue(new File(args[4]), progress.found);
        System.out.println("{\"seconds\": " + (progress.endedNanos - progress.beganNanos) / 1e9 + "}");
        System.exit(0);
    }
}
