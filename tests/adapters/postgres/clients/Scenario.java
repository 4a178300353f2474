import java.io.StringReader;
import java.io.StringWriter;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** The JDBC driver: what it sees is printed, one line per observation. */
public class Scenario {
    interface Action { void run() throws SQLException; }

    static void show(ResultSet rows) throws SQLException {
        ResultSetMetaData about = rows.getMetaData();
        StringBuilder line = new StringBuilder();
        for (int i = 1; i <= about.getColumnCount(); i++)
            line.append(about.getColumnLabel(i)).append(':').append(about.getColumnTypeName(i)).append(':')
                .append(about.getTableName(i)).append(' ');
        System.out.println(line);
        while (rows.next()) {
            line = new StringBuilder();
            for (int i = 1; i <= about.getColumnCount(); i++) line.append(rows.getString(i)).append('|');
            System.out.println(line);
        }
    }

    static void failing(Action action) {
        try {
            action.run();
            System.out.println("no error");
        } catch (PSQLException e) {
            ServerErrorMessage m = e.getServerErrorMessage();
            System.out.println(e.getSQLState() + " " + (m == null ? e.getMessage()
                : m.getSeverity() + " " + m.getMessage() + " " + m.getDetail() + " " + m.getHint() + " "
                    + m.getPosition() + " " + m.getConstraint() + " " + m.getTable()));
        } catch (SQLException e) {
            System.out.println(e.getSQLState() + " " + e.getMessage());
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String mode : new String[] {"extended", "simple", "extendedForPrepared"}) {
            for (String autosave : new String[] {"never", "always"}) {
                Properties properties = new Properties();
                properties.setProperty("user", arguments[1]);
                properties.setProperty("password", arguments[2]);
                properties.setProperty("sslmode", "disable");
                properties.setProperty("preferQueryMode", mode);
                properties.setProperty("autosave", autosave);
                properties.setProperty("prepareThreshold", "2");
                System.out.println("== " + mode + " " + autosave);
                try (Connection c = DriverManager.getConnection(arguments[0], properties)) {
                    scenario(c, !mode.equals("simple"));
                }
            }
        }
    }

    static void scenario(Connection c, boolean prepares) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS made");
            s.execute("CREATE TABLE made (a int PRIMARY KEY, b text, c numeric, d bytea)");
            show(s.executeQuery("SELECT id, name, email, address, tags, balance, last_login FROM customers ORDER BY id"));
            failing(() -> s.executeQuery("SELECT 1/0"));
            failing(() -> s.executeQuery("SELEC 1"));
            failing(() -> s.executeQuery("SELECT nowhere FROM customers"));
            failing(() -> s.execute("INSERT INTO orders VALUES (999, 4711, 'x', 1, now())"));
            System.out.println(s.execute("SELECT 1; UPDATE orders SET item = item WHERE id < 5; SELECT 'é'"));
            System.out.println(s.getMoreResults() + " " + s.getUpdateCount() + " " + s.getMoreResults());
        }
        try (PreparedStatement p = c.prepareStatement("SELECT id, item, amount FROM orders WHERE id > ? ORDER BY id LIMIT 3")) {
            for (int n = 0; n < 6; n++) { p.setInt(1, n); show(p.executeQuery()); }
            System.out.println(p.getParameterMetaData().getParameterTypeName(1));
        }
        try (PreparedStatement p = c.prepareStatement("INSERT INTO made VALUES (?, ?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int n = 0; n < 50; n++) {
                p.setInt(1, n); p.setString(2, "é" + n); p.setBigDecimal(3, new java.math.BigDecimal("1.50")); 
                p.setBytes(4, prepares ? new byte[] {0, (byte) 255} : null);
                p.addBatch();
            }
            System.out.println(p.executeBatch().length);
            p.setInt(1, 1); p.addBatch(); p.setInt(1, 100); p.addBatch();
            failing(p::executeBatch);
        }
        c.setAutoCommit(false);
        try (PreparedStatement p = c.prepareStatement("SELECT a, b FROM made ORDER BY a")) {
            p.setFetchSize(7);
            show(p.executeQuery());
        }
        try (Statement s = c.createStatement()) {
            s.executeUpdate("UPDATE made SET b = 'changed' WHERE a = 1");
            failing(() -> s.executeQuery("SELECT 1/0"));
            failing(() -> show(s.executeQuery("SELECT b FROM made WHERE a = 1")));
            c.rollback();
            Savepoint point = c.setSavepoint();
            s.executeUpdate("UPDATE made SET b = 'lost'");
            c.rollback(point);
            s.executeUpdate("UPDATE made SET b = 'kept' WHERE a = 2");
            c.commit();
            c.setAutoCommit(true);
            show(s.executeQuery("SELECT a, b, c, d FROM made WHERE a < 4 ORDER BY a"));
            s.setQueryTimeout(1);
            failing(() -> s.execute("SELECT pg_sleep(20)"));
            s.setQueryTimeout(0);
            s.execute("LISTEN news");
            s.execute("NOTIFY news, 'payload'");
            s.execute("DO $$ BEGIN RAISE NOTICE 'told'; END $$");
            System.out.println(s.getWarnings());
        }
        PGConnection pg = c.unwrap(PGConnection.class);
        System.out.println(pg.getNotifications()[0].getParameter());
        if (prepares) {
            StringWriter out = new StringWriter();
            System.out.println(pg.getCopyAPI().copyOut("COPY (SELECT a, b FROM made ORDER BY a) TO STDOUT (FORMAT csv)", out));
            System.out.println(out);
            System.out.println(pg.getCopyAPI().copyIn("COPY made (a, b) FROM STDIN (FORMAT csv)", new StringReader("500,x\n501,é\n")));
        }
        System.out.println(c.getMetaData().getDatabaseProductVersion());
        show(c.getMetaData().getColumns(null, "public", "made", null));
        show(c.getMetaData().getPrimaryKeys(null, "public", "made"));
        try (CallableStatement call = c.prepareCall("{ ? = call length(?) }")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setString(2, "four");
            call.execute();
            System.out.println(call.getInt(1));
        }
    }
}
